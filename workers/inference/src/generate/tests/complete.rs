//! Texts that are gone on with.

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
async fn a_form_is_kept_and_tokens_are_taken_as_they_are() {
    let asked =
        completion(json!({"prompt": [104, 105], "response_format": {"type": "regex", "regex": "[a-c]+d"}}));
    let answer = model(TEMPLATE, "abcd").complete(asked, caller()).await.unwrap().document().await.unwrap();
    let answer: Value = serde_json::from_slice(&answer).unwrap();
    assert_eq!(answer["choices"][0]["text"], "abcd");
    let unknown = completion(json!({"prompt": [999]}));
    let problem = model(TEMPLATE, "x").complete(unknown, caller()).await.unwrap_err();
    assert_eq!(problem.extensions["param"], "prompt");
}
