//! `cortex chat`, with the echo that answers conversations.

use std::io::Write;
use std::process::{Command, Output, Stdio};

use cortex_tests::home::Home;
use cortex_tests::origin::{Origin, Setup};
use cortex_tests::process::binary;
use serde_json::Value;

/// Runs `cortex chat` with standard input.
async fn chat(home: &Home, arguments: &[&str], input: &str) -> Output {
    let mut command = Command::new(binary("cortex"));
    command.arg("chat").args(arguments).env("CORTEX_HOME", home.path());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let input = input.to_owned();
    let run = move || {
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    };
    tokio::task::spawn_blocking(run).await.unwrap()
}

#[tokio::test]
async fn a_prompt_is_answered_as_text_or_as_a_document() {
    let home = Home::new();
    let origin = Origin::start(&home, &Setup::echo().with_echoed_texts(&home)).await;
    let told = chat(&home, &["one two three"], "").await;
    assert_eq!(String::from_utf8_lossy(&told.stdout), "one two three\n", "{told:?}");
    let piped = chat(&home, &["--model", "echo", "--max-tokens", "2"], "a b c\n").await;
    assert_eq!(String::from_utf8_lossy(&piped.stdout), "a b \n", "{piped:?}");
    let document = chat(&home, &["hi", "--json", "--system", "be brief"], "").await;
    let document: Value = serde_json::from_slice(&document.stdout).unwrap();
    assert_eq!(document["choices"][0]["message"]["content"], "hi");

    let unknown = chat(&home, &["hi", "--model", "gpt-9"], "").await;
    let why = String::from_utf8_lossy(&unknown.stderr);
    assert_eq!(unknown.status.code(), Some(65), "{why}");
    assert!(why.contains("unknown-model") && why.contains("cortex models pull"), "{why}");
    origin.stop();
}
