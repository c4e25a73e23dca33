//! Tool calls.

use serde_json::{Value, json};

use super::{TEMPLATE, chunks, joined, model, refused, whole};

fn tools(strict: bool) -> Value {
    let city = json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"],
        "additionalProperties": false});
    json!([
        {"type": "function", "function": {"name": "weather", "parameters": city, "strict": strict}},
        {"type": "function", "function": {"name": "time", "parameters": {"type": "object"}, "strict": strict}},
    ])
}

const CALLS: &str = "<tool_call>\n{\"name\": \"weather\", \"arguments\": {\"city\": \"Bern\"}}\n</tool_call>\n\
    <tool_call>\n{\"name\": \"time\", \"arguments\": {}}\n</tool_call>";

#[tokio::test]
async fn calls_are_taken_out_of_the_text_several_at_once() {
    let answer = whole(&model(TEMPLATE, CALLS), json!({"tools": tools(false)})).await;
    let choice = &answer["choices"][0];
    assert_eq!(choice["finish_reason"], "tool_calls");
    assert_eq!(choice["message"]["content"], Value::Null);
    let calls = choice["message"]["tool_calls"].as_array().unwrap();
    assert_eq!(calls[0]["function"], json!({"name": "weather", "arguments": "{\"city\": \"Bern\"}"}));
    assert_eq!(calls[1]["function"]["name"], "time");
    assert_ne!(calls[0]["id"], calls[1]["id"]);
}

#[tokio::test]
async fn a_call_in_chunks_has_its_id_first_and_its_arguments_after() {
    let streamed = chunks(&model(TEMPLATE, CALLS), json!({"tools": tools(false)})).await;
    let deltas = streamed.iter().flat_map(|chunk| chunk["choices"].as_array().unwrap());
    let calls: Vec<_> = deltas.filter_map(|choice| choice["delta"]["tool_calls"][0].as_object()).collect();
    assert_eq!((&calls[0]["index"], &calls[0]["type"]), (&json!(0), &json!("function")));
    assert!(calls[0]["id"].as_str().unwrap().starts_with("call_"));
    let arguments: String = calls
        .iter()
        .filter(|call| call["index"] == 0)
        .map(|call| call["function"]["arguments"].as_str().unwrap())
        .collect();
    assert_eq!(arguments, "{\"city\": \"Bern\"}");
    assert_eq!(joined(&streamed, 0, "content"), "");
}

#[tokio::test]
async fn a_required_call_is_forced() {
    for choice in [json!("required"), json!({"type": "function", "function": {"name": "weather"}})] {
        let asked = json!({"tools": tools(true), "tool_choice": choice, "max_tokens": 400,
            "chat_template_kwargs": {"enable_thinking": false}});
        let answer = whole(&model(TEMPLATE, CALLS), asked).await;
        let calls = answer["choices"][0]["message"]["tool_calls"].as_array().expect("calls").clone();
        assert_eq!(calls[0]["function"]["arguments"], "{\"city\": \"Bern\"}", "{answer}");
    }
}

#[tokio::test]
async fn a_strict_tool_is_called_by_its_schema_or_not_at_all() {
    let asked = json!({"tools": tools(true), "chat_template_kwargs": {"enable_thinking": false}});
    let said = whole(&model(TEMPLATE, "No need."), asked.clone()).await;
    assert_eq!(said["choices"][0]["message"]["content"], "No need.");
    // Arguments that violate the schema can't come out.
    let wrong = "<tool_call>\n{\"name\": \"weather\", \"arguments\": {\"town\": \"Bern\"}}\n</tool_call>";
    let mut bounded = asked;
    bounded["max_tokens"] = 300.into();
    let answer = whole(&model(TEMPLATE, wrong), bounded).await;
    let text = answer.to_string();
    assert!(!text.contains("town"), "{text}");
}

/// A template like that of Llama 3, where only a brace opens a call.
const BARE: &str = "{%- for message in messages %}<s>{{ message.role }}\n{{ message.content }}</s>\n{% endfor %}\
    {%- if tools %}{{ tools | tojson }}<|python_tag|>{% endif %}\
    {%- if add_generation_prompt %}<s>assistant\n{% endif %}";

#[tokio::test]
async fn without_a_marker_too_a_strict_tool_is_called_by_its_schema_or_not_at_all() {
    for field in [json!({"tools": tools(true)}), json!({"tools": tools(false), "parallel_tool_calls": false})]
    {
        let mut asked = field;
        asked["max_tokens"] = 300.into();
        let said = whole(&model(BARE, "No need: {\"a\": 1}."), asked.clone()).await;
        assert_eq!(said["choices"][0]["message"]["content"], "No need: {\"a\": 1}.", "{asked}");
        let call = "{\"name\": \"weather\", \"parameters\": {\"city\": \"Bern\"}}";
        let called = whole(&model(BARE, call), asked.clone()).await;
        let calls = &called["choices"][0]["message"]["tool_calls"];
        assert_eq!(
            calls[0]["function"],
            json!({"name": "weather", "arguments": "{\"city\": \"Bern\"}"}),
            "{called}"
        );
        assert_eq!(calls.as_array().unwrap().len(), 1);
    }
    let wrong = "{\"name\": \"weather\", \"parameters\": {\"town\": \"Bern\"}}";
    let answer = whole(&model(BARE, wrong), json!({"tools": tools(true), "max_tokens": 300})).await;
    assert!(!answer.to_string().contains("town"), "{answer}");
}

#[tokio::test]
async fn tools_are_not_shown_to_a_model_that_may_call_none() {
    let answer = whole(&model(TEMPLATE, CALLS), json!({"tools": tools(false), "tool_choice": "none"})).await;
    assert_eq!(answer["choices"][0]["finish_reason"], "stop");
    assert!(answer["choices"][0]["message"]["content"].as_str().unwrap().starts_with("<tool_call>"));
}

#[tokio::test]
async fn a_schema_that_can_not_be_kept_is_named_with_its_tool() {
    let tool = json!({"type": "function", "function": {"name": "f", "strict": true,
        "parameters": {"type": "object", "properties": {"a": {"pattern": "(a)\\1"}}}}});
    let problem = refused(&model(TEMPLATE, "x"), json!({"tools": [tool], "tool_choice": "required"})).await;
    assert_eq!(problem.extensions["param"], "tools");
    assert!(problem.detail.contains("tool f: pattern at #/properties/a"), "{problem}");
}

#[tokio::test]
async fn what_was_called_and_answered_is_part_of_the_prompt() {
    let messages = json!([
        {"role": "user", "content": "hi"},
        {"role": "assistant", "tool_calls": [{"id": "call_1", "type": "function",
            "function": {"name": "weather", "arguments": "{\"city\": \"Bern\"}"}}]},
        {"role": "tool", "tool_call_id": "call_1", "content": "rain"},
    ]);
    let answer = whole(&model(TEMPLATE, "Rain."), json!({"messages": messages, "tools": tools(false)})).await;
    assert_eq!(answer["choices"][0]["message"]["content"], "Rain.");
}

/// A template like that of Mistral, with a list of calls after a marker.
const LISTED: &str = "{%- for message in messages %}<s>{{ message.role }}\n{{ message.content }}</s>\n{% endfor %}\
    {%- if tools %}{{ tools | tojson }}[TOOL_CALLS]{% endif %}\
    {%- if add_generation_prompt %}<s>assistant\n{% endif %}";

const LISTED_CALLS: &str = "[TOOL_CALLS][{\"name\": \"weather\", \"arguments\": {\"city\": \"Bern\"}}, \
    {\"name\": \"time\", \"arguments\": {}}]";
const BARE_CALLS: &str =
    "{\"name\": \"weather\", \"parameters\": {\"city\": \"Bern\"}}; {\"name\": \"time\", \"parameters\": {}}";

/// Every family, with two calls in its syntax.
const FAMILIES: [(&str, &str); 3] = [(TEMPLATE, CALLS), (LISTED, LISTED_CALLS), (BARE, BARE_CALLS)];

/// Panics unless a client that runs the calls runs complete calls only.
fn check(choice: &Value, about: &str) {
    let calls = choice["message"]["tool_calls"].as_array().cloned().unwrap_or_default();
    for call in &calls {
        let arguments = call["function"]["arguments"].as_str().unwrap();
        assert!(serde_json::from_str::<serde_json::Map<_, _>>(arguments).is_ok(), "{about}: {choice}");
    }
    assert!(choice["finish_reason"] != "tool_calls" || !calls.is_empty(), "{about}: {choice}");
    let content = choice["message"]["content"].as_str().unwrap_or_default();
    assert!(!content.contains(['<', '{', '[', '"', ';']), "{about}: {choice}");
}

#[tokio::test]
async fn a_stop_string_ends_no_call() {
    for (template, calls) in FAMILIES {
        for stop in ["Bern", "\"", "}", "{", "city", "e", "\n", "<tool_call>", "name", "[", ";"] {
            for strict in [true, false] {
                let mut asked = json!({"tools": tools(strict), "stop": [stop], "max_tokens": 400,
                    "chat_template_kwargs": {"enable_thinking": false}});
                let answer = whole(&model(template, calls), asked.clone()).await;
                let choice = &answer["choices"][0];
                let about = format!("{calls} {stop} {strict}");
                check(choice, &about);
                assert_eq!(choice["finish_reason"], "tool_calls", "{about}: {choice}");
                assert_eq!(choice["message"]["tool_calls"].as_array().unwrap().len(), 2, "{about}");
                asked["tool_choice"] = "required".into();
                let answer = whole(&model(template, calls), asked).await;
                let choice = &answer["choices"][0];
                check(choice, &about);
                assert_eq!(choice["finish_reason"], "tool_calls", "{about}: {choice}");
            }
        }
    }
}

#[tokio::test]
async fn a_stop_string_before_a_call_ends_the_answer_before_it() {
    let script = format!("Let me see. {CALLS}");
    let answer = whole(&model(TEMPLATE, &script), json!({"tools": tools(false), "stop": "see"})).await;
    let choice = &answer["choices"][0];
    assert_eq!(
        (&choice["message"]["content"], &choice["finish_reason"]),
        (&json!("Let me "), &json!("stop"))
    );
    // Calls before the stop string stay calls.
    let script = format!("{CALLS} So I see.");
    let answer = whole(&model(TEMPLATE, &script), json!({"tools": tools(false), "stop": "see"})).await;
    let choice = &answer["choices"][0];
    assert_eq!(choice["message"]["content"], " So I ", "{choice}");
    assert_eq!(
        (choice["message"]["tool_calls"].as_array().unwrap().len(), &choice["finish_reason"]),
        (2, &json!("tool_calls"))
    );
}

#[tokio::test]
async fn a_call_that_is_cut_anywhere_is_neither_finished_nor_content() {
    for (template, calls) in FAMILIES {
        let said = if template == BARE { "" } else { "So: " };
        let script = format!("{said}{calls}");
        let model = model(template, &script);
        for most in 1..=script.len() {
            let asked = json!({"tools": tools(false), "max_tokens": most});
            let choice = &whole(&model, asked.clone()).await["choices"][0];
            let about = &script[..most];
            check(choice, about);
            assert_eq!(choice["finish_reason"], "length", "{about}");
            let content = choice["message"]["content"].as_str().unwrap_or_default();
            assert_eq!(content, &said[..most.min(said.len())], "{about}");
            let streamed = chunks(&model, asked).await;
            assert_eq!(joined(&streamed, 0, "content"), content, "{about}");
            assert_eq!(streamed.last().unwrap()["choices"][0]["finish_reason"], "length", "{about}");
        }
    }
}

#[tokio::test]
async fn a_call_that_the_model_leaves_incomplete_is_not_reported_as_finished() {
    for (template, calls) in FAMILIES {
        for end in 1..calls.len() {
            let model = model(template, &calls[..end]);
            let choice = &whole(&model, json!({"tools": tools(false)})).await["choices"][0];
            let tool_calls = choice["message"]["tool_calls"].as_array().cloned().unwrap_or_default();
            for call in &tool_calls {
                let arguments = call["function"]["arguments"].as_str().unwrap();
                assert!(serde_json::from_str::<Value>(arguments).is_ok(), "{}: {choice}", &calls[..end]);
            }
            // A client that reads the chunks has seen a call begin, and must not run it.
            let streamed = chunks(&model, json!({"tools": tools(false)})).await;
            let begun = streamed
                .iter()
                .filter(|chunk| chunk["choices"][0]["delta"]["tool_calls"][0]["id"].is_string());
            let reason = &streamed.last().unwrap()["choices"][0]["finish_reason"];
            let all_complete = !tool_calls.is_empty() && begun.count() == tool_calls.len();
            assert_eq!(
                *reason,
                if all_complete { "tool_calls" } else { "stop" },
                "{}: {choice}",
                &calls[..end]
            );
            assert_eq!(choice["finish_reason"], *reason);
        }
    }
}
