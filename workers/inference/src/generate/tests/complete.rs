//! Text completions.

use serde_json::{Value, json};

use super::{TEMPLATE, caller, completion, model};

#[tokio::test]
async fn every_prompt_has_its_answers_in_order() {
    let model = model(TEMPLATE, "abc");
    let asked = completion(json!({"prompt": ["x", "yy"], "n": 2, "logprobs": 1}));
    let answer = model.complete(asked, caller()).await.unwrap().document().await.unwrap();
    let answer: Value = serde_json::from_slice(&answer).unwrap();
    assert_eq!(answer["object"], "text_completion");
    let choices = answer["choices"].as_array().unwrap();
    assert_eq!(choices.len(), 4);
    for (index, choice) in choices.iter().enumerate() {
        assert_eq!((&choice["index"], &choice["text"]), (&json!(index), &json!("abc")));
        assert_eq!(choice["logprobs"]["tokens"], json!(["a", "b", "c"]));
        assert_eq!(choice["logprobs"]["text_offset"], json!([0, 1, 2]));
        assert_eq!(choice["finish_reason"], "stop");
    }
    assert_eq!(answer["usage"]["prompt_tokens"], 3);
    assert_eq!(answer["usage"]["completion_tokens"], 16);
}

#[tokio::test]
async fn a_text_comes_in_chunks() {
    let asked = completion(json!({"stream": true, "stop": "c", "stream_options": {"include_usage": true}}));
    let mut answer = model(TEMPLATE, "abcd").complete(asked, caller()).await.unwrap();
    let mut text = String::new();
    let mut last = Value::Null;
    while let Some(chunks) = answer.next().await.unwrap() {
        for chunk in chunks {
            last = serde_json::from_slice(&chunk).unwrap();
            text += last["choices"][0]["text"].as_str().unwrap_or_default();
        }
    }
    assert_eq!(text, "ab");
    let whole: Value = serde_json::from_slice(&answer.document().await.unwrap()).unwrap();
    assert_eq!(whole["choices"][0]["text"], "ab");
    assert_eq!(last["usage"]["completion_tokens"], 3);
}

#[tokio::test]
async fn a_response_format_is_enforced_and_token_prompts_are_used_unchanged() {
    let asked =
        completion(json!({"prompt": [104, 105], "response_format": {"type": "regex", "regex": "[a-c]+d"}}));
    let answer = model(TEMPLATE, "abcd").complete(asked, caller()).await.unwrap().document().await.unwrap();
    let answer: Value = serde_json::from_slice(&answer).unwrap();
    assert_eq!(answer["choices"][0]["text"], "abcd");
    let unknown = completion(json!({"prompt": [999]}));
    let problem = model(TEMPLATE, "x").complete(unknown, caller()).await.unwrap_err();
    assert_eq!(problem.extensions["param"], "prompt");
}

#[tokio::test]
async fn offsets_count_characters_and_tokens_within_one_share_its_offset() {
    let asked = || completion(json!({"logprobs": 3}));
    let model = model(TEMPLATE, "a\u{e9}\u{1f999}b");
    let answer = model.complete(asked(), caller()).await.unwrap().document().await.unwrap();
    let answer: Value = serde_json::from_slice(&answer).unwrap();
    let logprobs = &answer["choices"][0]["logprobs"];
    assert_eq!(logprobs["text_offset"], json!([0, 1, 1, 2, 2, 2, 2, 3]));
    assert_eq!(logprobs["tokens"][3], "bytes:\\xf0");
    // Most alternatives are parts of a character, and each has its own spelling.
    for top in logprobs["top_logprobs"].as_array().unwrap() {
        assert_eq!(top.as_object().unwrap().len(), 3, "{top}");
    }
    let mut streamed =
        model.complete(completion(json!({"logprobs": 3, "stream": true})), caller()).await.unwrap();
    let mut offsets = Vec::new();
    while let Some(chunks) = streamed.next().await.unwrap() {
        for chunk in chunks {
            let chunk: Value = serde_json::from_slice(&chunk).unwrap();
            let logprobs = chunk["choices"][0]["logprobs"]["text_offset"].as_array().cloned();
            offsets.extend(logprobs.unwrap_or_default());
        }
    }
    assert_eq!(Value::from(offsets), logprobs["text_offset"]);
}

#[tokio::test]
async fn a_text_that_is_cut_within_a_character_ends_before_it() {
    let text = "a\u{1f999}b";
    for most in 1..=text.len() {
        let asked = completion(json!({"max_tokens": most, "n": 2, "prompt": ["x", "y"]}));
        let answer = model(TEMPLATE, text).complete(asked, caller()).await.unwrap().document().await.unwrap();
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        for choice in answer["choices"].as_array().unwrap() {
            assert_eq!(choice["text"], if most < 5 { "a" } else { &text[..most] });
            assert_eq!(choice["finish_reason"], "length");
        }
    }
}
