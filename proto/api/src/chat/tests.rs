use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::body::Checked;
use crate::generation::{FinishReason, Format, Streaming, TokenUsage};
use crate::problem::Problem;
use cortex_domain::ErrorCode;

fn parse(body: &Value) -> Result<ChatRequest, Problem> {
    ChatRequest::parse(Checked::trust(body.to_string().as_bytes()))
}

/// Returns a valid body with some members replaced.
fn with(members: Value) -> Value {
    let mut body = json!({"model": "m", "messages": [{"role": "user", "content": "hi"}]});
    body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    body
}

fn tool(name: &str) -> Value {
    json!({"type": "function", "function": {"name": name, "description": "d",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}, "strict": true}})
}

#[test]
fn a_minimal_request_gets_the_defaults() {
    let request = parse(&with(json!({}))).unwrap();
    assert_eq!(request.messages, [Message::User { content: "hi".into(), name: None }]);
    assert_eq!(
        (request.params.n, request.params.streaming, request.params.max_tokens),
        (1, Streaming::Whole, None)
    );
    assert_eq!((request.opens_answer, request.continues, request.logprobs), (true, false, None));
    assert_eq!((request.params.format, request.tool_choice), (Format::Text, ToolChoice::Auto));
    assert!(request.parallel_tool_calls);
}

#[test]
fn every_parameter_is_read() {
    let request = parse(&with(json!({
        "temperature": 0.5, "top_p": 0.9, "top_k": 40, "min_p": 0.05, "typical_p": 0.95, "repetition_penalty": 1.1,
        "presence_penalty": -1, "frequency_penalty": 2, "logit_bias": {"17": -100, "3": 1.5}, "seed": -7,
        "stop": ["a", "b"], "max_completion_tokens": 100, "max_tokens": 100, "n": 8, "stream": true,
        "stream_options": {"include_usage": true}, "logprobs": true, "top_logprobs": 20,
        "tools": [tool("weather")], "tool_choice": {"type": "function", "function": {"name": "weather"}},
        "parallel_tool_calls": false, "response_format": {"type": "text"}, "user": "u-1",
        "metadata": {"team": "a"}, "service_tier": "auto", "store": false, "modalities": ["text"],
        "chat_template_kwargs": {"enable_thinking": false}, "functions": null,
    })))
    .unwrap();
    let sampling = &request.params.sampling;
    assert_eq!((sampling.temperature, sampling.top_p, sampling.top_k), (Some(0.5), Some(0.9), Some(40)));
    assert_eq!((sampling.min_p, sampling.typical_p, sampling.seed), (Some(0.05), Some(0.95), Some(-7)));
    assert_eq!((sampling.repetition_penalty, sampling.presence_penalty), (Some(1.1), Some(-1.0)));
    assert_eq!(sampling.logit_bias, [(17, -100.0), (3, 1.5)]);
    assert_eq!((request.params.max_tokens, request.params.n), (Some(100), 8));
    assert_eq!(request.params.streaming, Streaming::Chunks { usage: true });
    assert_eq!(request.params.stop, ["a", "b"]);
    assert_eq!((request.logprobs, request.parallel_tool_calls), (Some(20), false));
    assert_eq!(request.tool_choice, ToolChoice::Named("weather".into()));
    assert_eq!((request.tools[0].name.as_str(), request.tools[0].strict), ("weather", true));
    assert_eq!(request.tools[0].definition, tool("weather").to_string());
    assert_eq!(request.template["enable_thinking"], false);
    let labels: Vec<_> =
        request.params.labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(labels, ["team=a", "user=u-1"]);
}

#[test]
fn a_conversation_is_read_message_by_message() {
    let call = json!({"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}});
    let request = parse(&with(json!({"messages": [
        {"role": "developer", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
        {"role": "user", "content": "c", "name": "ann"},
        {"role": "assistant", "content": null, "tool_calls": [call], "refusal": null, "audio": null, "annotations": []},
        {"role": "tool", "tool_call_id": "c1", "content": "4"},
        {"role": "assistant", "content": "d", "reasoning_content": "e"},
    ], "continue_final_message": true})))
    .unwrap();
    assert_eq!(request.messages[0], Message::System { content: "a\nb".into(), name: None });
    let call = ToolCall { id: "c1".into(), name: "f".into(), arguments: "{}".into() };
    let calling = Message::Assistant { content: None, reasoning: None, calls: vec![call], name: None };
    assert_eq!(request.messages[2], calling);
    assert_eq!(request.messages[3], Message::Tool { content: "4".into(), call_id: "c1".into(), name: None });
    assert_eq!((request.opens_answer, request.continues), (false, true));
}

/// Covers what OpenAI's clients and this server add to an answer, in the form in which the clients
/// send it back.
#[test]
fn an_answer_is_taken_back_with_all_that_clients_add_to_it() {
    let call = ToolCall { id: "c1".into(), name: "f".into(), arguments: r#"{"city":"Bern"}"#.into() };
    let given = |function: Value| json!([{"id": "c1", "type": "function", "index": 0, "function": function}]);
    let written = json!({"name": "f", "arguments": call.arguments, "parsed_arguments": {"city": "Bern"}});
    let assistant = |content: Option<&str>, calls: &[ToolCall]| Message::Assistant {
        content: content.map(str::to_owned),
        reasoning: None,
        calls: calls.to_vec(),
        name: None,
    };
    let calls = std::slice::from_ref(&call);
    for (answer, expected) in [
        // The Python client's `parse`, and its stream with the number of each call.
        (
            json!({"content": null, "refusal": null, "annotations": null, "audio": null, "function_call": null,
                "parsed": null, "tool_calls": given(written.clone())}),
            assistant(None, calls),
        ),
        (json!({"content": "", "tool_calls": given(written)}), assistant(Some(""), calls)),
        (
            json!({"content": "{\"a\":1}", "parsed": {"a": 1}, "tool_calls": null}),
            assistant(Some("{\"a\":1}"), &[]),
        ),
        // The JavaScript client's `parse` of a tool that is not strict, and its stream of an empty
        // answer.
        (
            json!({"content": null, "parsed": null, "refusal": null,
                "tool_calls": given(json!({"name": "f", "arguments": call.arguments, "parsed_arguments": null}))}),
            assistant(None, calls),
        ),
        (json!({"content": null, "refusal": null, "parsed": null}), assistant(Some(""), &[])),
        (json!({"content": null, "tool_calls": []}), assistant(Some(""), &[])),
        // Refusals and citations of a server.
        (json!({"content": null, "refusal": "no"}), assistant(Some("no"), &[])),
        (json!({"content": "a", "refusal": "no"}), assistant(Some("a\nno"), &[])),
        (
            json!({"content": [{"type": "text", "text": "a"}, {"type": "refusal", "refusal": "no"}]}),
            assistant(Some("a\nno"), &[]),
        ),
        (
            json!({"content": "a", "annotations": [{"type": "url_citation", "url_citation": {}}]}),
            assistant(Some("a"), &[]),
        ),
    ] {
        let mut message = json!({"role": "assistant"});
        message.as_object_mut().unwrap().extend(answer.as_object().unwrap().clone());
        let request = parse(&with(json!({"messages": [{"role": "user", "content": "hi"}, message]})));
        assert_eq!(
            request.unwrap_or_else(|problem| panic!("{answer}: {problem}")).messages[1],
            expected,
            "{answer}"
        );
    }
}

#[test]
fn an_answer_of_this_server_is_taken_back_as_it_is() {
    for (content, reasoning, calls) in [
        (Some("a"), None, vec![]),
        (Some(""), None, vec![]),
        (None, Some("cut while it thought"), vec![]),
        (Some("a"), Some("r"), vec![ToolCallView::new("c1".into(), "f".into(), "{}".into())]),
        (None, None, vec![ToolCallView::new("c1".into(), "f".into(), String::new())]),
    ] {
        let view = MessageView::new(content.map(str::to_owned), reasoning.map(str::to_owned), calls);
        let message = serde_json::to_value(&view).unwrap();
        let request = parse(&with(json!({"messages": [message]}))).unwrap();
        let Message::Assistant { content: read, reasoning: thought, calls, .. } = &request.messages[0] else {
            panic!()
        };
        let content = content.or(calls.is_empty().then_some(""));
        assert_eq!((read.as_deref(), thought.as_deref()), (content, reasoning));
        assert_eq!(calls.len(), view.tool_calls.len());
    }
}

#[test]
fn a_call_without_arguments_has_an_empty_object_of_them() {
    for arguments in ["", " \n", "{}"] {
        let call = json!({"id": "c1", "type": "function", "function": {"name": "f", "arguments": arguments}});
        let request =
            parse(&with(json!({"messages": [{"role": "assistant", "tool_calls": [call]}]}))).unwrap();
        let Message::Assistant { calls, .. } = &request.messages[0] else { panic!() };
        assert_eq!(calls[0].arguments, "{}");
    }
}

#[test]
fn formats_are_read_by_their_type() {
    let schema = json!({"type": "object"});
    for (format, expected) in [
        (json!({"type": "json_object"}), Format::JsonObject),
        (
            json!({"type": "json_schema", "json_schema": {"name": "x", "schema": schema, "strict": true}}),
            Format::JsonSchema(schema),
        ),
        (json!({"type": "regex", "regex": "[0-9]+"}), Format::Regex("[0-9]+".into())),
        (json!({"type": "lark", "lark": "start: \"a\""}), Format::Lark("start: \"a\"".into())),
    ] {
        let request = parse(&with(json!({ "response_format": format }))).unwrap();
        assert_eq!(request.params.format, expected);
    }
}

#[test]
fn each_wrong_parameter_is_named() {
    let user = |content: Value| json!({"messages": [{"role": "user", "content": content}]});
    let labels: serde_json::Map<_, _> = (0..17).map(|n| (n.to_string(), json!("x"))).collect();
    for (members, param) in [
        (json!({"model": null}), "model"),
        (json!({"messages": null}), "messages"),
        (json!({"messages": []}), "messages"),
        (json!({"messages": [1]}), "messages[0]"),
        (json!({"messages": [{"role": "user"}]}), "messages[0].content"),
        (json!({"messages": [{"role": "bot", "content": "x"}]}), "messages[0].role"),
        (json!({"messages": [{"role": "function", "content": "x", "name": "f"}]}), "messages[0].role"),
        (json!({"messages": [{"role": "assistant"}]}), "messages[0].content"),
        (
            json!({"messages": [{"role": "tool", "content": "x", "tool_call_id": "c"}]}),
            "messages[0].tool_call_id",
        ),
        (json!({"messages": [{"role": "user", "content": "x", "mood": 1}]}), "messages[0].mood"),
        (json!({"messages": [{"role": "user", "content": "x", "parsed": 1}]}), "messages[0].parsed"),
        (
            json!({"messages": [{"role": "assistant", "content": "x", "audio": {"id": "a"}}]}),
            "messages[0].audio",
        ),
        (
            json!({"messages": [{"role": "assistant", "content": null, "function_call": {"name": "f", "arguments": ""}}]}),
            "messages[0].function_call",
        ),
        (
            json!({"messages": [{"role": "assistant", "tool_calls": [{"id": "c", "type": "custom", "custom": {}}]}]}),
            "messages[0].tool_calls[0].type",
        ),
        (user(json!([{"type": "refusal", "refusal": "x"}])), "messages[0].content[0].type"),
        (user(json!([])), "messages[0].content"),
        (user(json!([{"type": "image_url", "image_url": {"url": "data:"}}])), "messages[0].content[0].type"),
        (user(json!([{"type": "input_audio"}])), "messages[0].content[0].type"),
        (json!({"temperature": 2.1}), "temperature"),
        (json!({"temperature": "hot"}), "temperature"),
        (json!({"top_p": 0}), "top_p"),
        (json!({"top_k": -2}), "top_k"),
        (json!({"min_p": 1.5}), "min_p"),
        (json!({"typical_p": 0}), "typical_p"),
        (json!({"repetition_penalty": 0}), "repetition_penalty"),
        (json!({"presence_penalty": 3}), "presence_penalty"),
        (json!({"frequency_penalty": -3}), "frequency_penalty"),
        (json!({"logit_bias": {"5": 101}}), "logit_bias"),
        (json!({"logit_bias": {"hello": 1}}), "logit_bias"),
        (json!({"seed": 1.5}), "seed"),
        (json!({"stop": ""}), "stop"),
        (json!({"stop": vec!["x"; 17]}), "stop"),
        (json!({"stop": "x".repeat(257)}), "stop"),
        (json!({"max_tokens": 0}), "max_tokens"),
        (json!({"max_tokens": 5, "max_completion_tokens": 6}), "max_tokens"),
        (json!({"n": 0}), "n"),
        (json!({"n": 9}), "n"),
        (json!({"stream": "yes"}), "stream"),
        (json!({"stream_options": {"include_usage": true}}), "stream_options"),
        (json!({"stream": true, "stream_options": {"x": 1}}), "stream_options.x"),
        (
            json!({"stream": true, "stream_options": {"include_obfuscation": true}}),
            "stream_options.include_obfuscation",
        ),
        (json!({"top_logprobs": 2}), "top_logprobs"),
        (json!({"logprobs": true, "top_logprobs": 21}), "top_logprobs"),
        (json!({"tools": vec![tool("f"); 129]}), "tools"),
        (json!({"tools": [tool("f"), tool("f")]}), "tools[1].function.name"),
        (json!({"tools": [tool("a b")]}), "tools[0].function.name"),
        (json!({"tools": [{"type": "code_interpreter"}]}), "tools[0].type"),
        (
            json!({"tools": [{"type": "function", "function": {"name": "f", "parameters": []}}]}),
            "tools[0].function.parameters",
        ),
        (json!({"tool_choice": "auto"}), "tool_choice"),
        (json!({"tools": [tool("f")], "tool_choice": "any"}), "tool_choice"),
        (
            json!({"tools": [tool("f")], "tool_choice": {"type": "function", "function": {"name": "g"}}}),
            "tool_choice.function.name",
        ),
        (json!({"response_format": "json"}), "response_format"),
        (json!({"response_format": {"type": "xml"}}), "response_format.type"),
        (json!({"response_format": {"type": "json_schema"}}), "response_format.json_schema"),
        (
            json!({"response_format": {"type": "json_schema", "json_schema": {"name": "x"}}}),
            "response_format.json_schema.schema",
        ),
        (
            json!({"response_format": {"type": "json_schema", "json_schema": {"name": "a b", "schema": {}}}}),
            "response_format.json_schema.name",
        ),
        (json!({"response_format": {"type": "regex", "regex": ""}}), "response_format.regex"),
        (json!({"response_format": {"type": "json_object", "schema": {}}}), "response_format.schema"),
        (json!({"response_format": {"type": "json_object"}, "tools": [tool("f")]}), "response_format"),
        (json!({"continue_final_message": true}), "continue_final_message"),
        (
            json!({"messages": [{"role": "assistant", "content": "x"}], "continue_final_message": true, "add_generation_prompt": true}),
            "add_generation_prompt",
        ),
        (json!({"metadata": {"a": 1}}), "metadata"),
        (json!({"metadata": labels}), "metadata"),
        (json!({"metadata": {"cortex/x": "y"}}), "metadata"),
        (json!({"user": "u", "metadata": {"user": "v"}}), "user"),
        (json!({"service_tier": "flex"}), "service_tier"),
        (json!({"store": true}), "store"),
        (json!({"modalities": ["text", "audio"]}), "modalities"),
        (json!({"audio": {"voice": "alloy"}}), "audio"),
        (json!({"web_search_options": {}}), "web_search_options"),
        (json!({"prediction": {}}), "prediction"),
        (json!({"reasoning_effort": "low"}), "reasoning_effort"),
        (json!({"functions": []}), "functions"),
        (json!({"guided_json": {}}), "guided_json"),
        (json!({"prompt": "x"}), "prompt"),
        (json!({"temprature": 1}), "temprature"),
    ] {
        let problem = parse(&with(members.clone())).unwrap_err();
        assert_eq!(
            (problem.kind, &problem.extensions["param"]),
            (ErrorCode::InvalidRequest, &json!(param)),
            "{members}: {problem}"
        );
        assert!(!problem.detail.contains("  ") && problem.detail.len() < 200, "{}", problem.detail);
    }
}

#[test]
fn errors_name_the_alternative() {
    for (name, instead) in [
        ("functions", "`tools`"),
        ("guided_regex", "`response_format`"),
        ("reasoning_effort", "enable_thinking"),
    ] {
        let problem = parse(&with(json!({name: 1}))).unwrap_err();
        assert!(problem.detail.contains(instead), "{}", problem.detail);
    }
}

#[test]
fn an_invalid_model_name_is_unknown() {
    assert_eq!(parse(&with(json!({"model": "a b"}))).unwrap_err().kind, ErrorCode::UnknownModel);
}

#[test]
fn a_member_twice_is_refused() {
    let body = br#"{"model":"m","messages":[{"role":"user","content":"a"}],"seed":1,"seed":2}"#;
    let problem = ChatRequest::parse(Checked::trust(body)).unwrap_err();
    assert!(problem.detail.contains("`seed`"), "{}", problem.detail);
}

#[test]
fn a_response_keeps_its_format() {
    let call = ToolCallView::new("call_1".into(), "f".into(), "{}".into());
    let top = TopLogProb { token: "b".into(), logprob: -1.5, bytes: vec![98] };
    let token = TokenLogProb { token: "a".into(), logprob: -0.5, bytes: vec![97], top_logprobs: vec![top] };
    let choice = |index, message, logprobs, finish_reason| Choice { index, message, logprobs, finish_reason };
    let mut answer = ChatCompletion::new(
        "chatcmpl-1".into(),
        7,
        "m".into(),
        vec![
            choice(
                0,
                MessageView::new(Some("a".into()), Some("r".into()), vec![]),
                Some(LogProbs { content: vec![token] }),
                FinishReason::Stop,
            ),
            choice(1, MessageView::new(None, None, vec![call]), None, FinishReason::ToolCalls),
        ],
        TokenUsage::new(3, 4).with_cached(2).with_reasoning(1),
    );
    answer.cortex = Some(json!({"device": "cpu"}));
    let expected = json!({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 7, "model": "m",
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": "a", "refusal": null, "reasoning_content": "r"},
             "logprobs": {"content": [{"token": "a", "logprob": -0.5, "bytes": [97],
                 "top_logprobs": [{"token": "b", "logprob": -1.5, "bytes": [98]}]}]},
             "finish_reason": "stop"},
            {"index": 1, "message": {"role": "assistant", "content": null, "refusal": null, "tool_calls": [
                {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
             "logprobs": null, "finish_reason": "tool_calls"}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7,
            "prompt_tokens_details": {"cached_tokens": 2}, "completion_tokens_details": {"reasoning_tokens": 1}},
        "cortex": {"device": "cpu"},
    });
    assert_eq!(serde_json::to_value(&answer).unwrap(), expected);
    assert_eq!(serde_json::from_value::<ChatCompletion>(expected).unwrap(), answer);
}

#[test]
fn chunks_keep_their_shape() {
    let chunk = |delta, finish_reason| {
        let choices = vec![ChunkChoice { index: 0, delta, logprobs: None, finish_reason }];
        serde_json::to_value(ChatChunk::new("chatcmpl-1".into(), 7, "m".into(), choices)).unwrap()["choices"]
            [0]
        .clone()
    };
    for (delta, expected) in [
        (Delta::opening(), json!({"role": "assistant", "content": ""})),
        (Delta::content("a".into()), json!({"content": "a"})),
        (Delta::reasoning("a".into()), json!({"reasoning_content": "a"})),
        (
            Delta::call(ToolCallDelta::opening(0, "call_1".into(), "f".into())),
            json!({"tool_calls": [{"index": 0, "id": "call_1", "type": "function", "function": {"name": "f", "arguments": ""}}]}),
        ),
        (
            Delta::call(ToolCallDelta::arguments(0, "{".into())),
            json!({"tool_calls": [{"index": 0, "function": {"arguments": "{"}}]}),
        ),
    ] {
        let expected = json!({"index": 0, "delta": expected, "logprobs": null, "finish_reason": null});
        assert_eq!(chunk(delta, None), expected);
    }
    assert_eq!(chunk(Delta::default(), Some(FinishReason::Length))["finish_reason"], "length");
    let mut last = ChatChunk::new("chatcmpl-1".into(), 7, "m".into(), vec![]);
    last.usage = Some(TokenUsage::new(1, 2));
    let last = serde_json::to_value(last).unwrap();
    assert_eq!((&last["choices"], &last["usage"]["total_tokens"]), (&json!([]), &json!(3)));
    assert_eq!(last["object"], "chat.completion.chunk");
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = ChatRequest::parse(Checked::trust(&bytes));
    }

    #[test]
    fn no_mutation_of_a_good_body_makes_it_panic(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let good = with(json!({"tools": [tool("f")], "stop": ["x"], "response_format": {"type": "text"}})).to_string();
        let mut bytes = good.into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let _ = ChatRequest::parse(Checked::trust(&bytes));
    }
}
