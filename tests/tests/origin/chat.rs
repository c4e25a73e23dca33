//! `cortex chat` with an echo worker that answers chats.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output, Stdio};

use cortex_tests::home::Home;
use cortex_tests::origin::{Origin, Setup};
use cortex_tests::process::binary;
use cortex_tests::terminal::Terminal;
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
    let output = chat(&home, &["one two three"], "").await;
    assert_eq!(String::from_utf8_lossy(&output.stdout), "one two three\n", "{output:?}");
    let piped = chat(&home, &["--model", "echo", "--max-tokens", "2"], "a b c\n").await;
    assert_eq!(String::from_utf8_lossy(&piped.stdout), "a b \n", "{piped:?}");
    let document = chat(&home, &["hi", "--json", "--system", "be brief"], "").await;
    let document: Value = serde_json::from_slice(&document.stdout).unwrap();
    assert_eq!(document["choices"][0]["message"]["content"], "hi");

    let unknown = chat(&home, &["hi", "--model", "gpt-9"], "").await;
    let error = String::from_utf8_lossy(&unknown.stderr);
    assert_eq!(unknown.status.code(), Some(65), "{error}");
    assert!(error.contains("unknown-model") && error.contains("help: `cortex models list`"), "{error}");
    origin.stop();
}

const UP: &str = "\x1b[A";
const CTRL_C: &str = "\x03";
const CTRL_D: &str = "\x04";

#[tokio::test]
async fn a_conversation_is_held_in_the_terminal() {
    let home = Home::new();
    let origin = Origin::start(&home, &Setup::echo().with_echoed_texts(&home)).await;
    let begin = || Terminal::run(&binary("cortex"), &["chat"], home.path());
    let mut terminal = begin();
    terminal.shows("echo: type /help for the commands").await;
    terminal.shows("> ").await;
    terminal.press("/system be brief\r");
    terminal.shows("\nsystem prompt set").await;
    terminal.press("{\"frames\": 3}\r");
    terminal.shows("\n0 1 2 \r\n").await;

    // An answer that is stopped is kept up to that point.
    terminal.press("{\"frames\": 100000, \"pace_ms\": 10}\r");
    terminal.shows("\n0 1 2 3 4 5 ").await;
    terminal.press(CTRL_C);
    terminal.shows("> ").await;
    terminal.press("/history\r");
    terminal.shows("system: be brief\r\nuser: {\"frames\": 3}\r\nassistant: 0 1 2").await;
    terminal.shows("assistant: 0 1 2 3 4 5 ").await;

    terminal.press("/model gpt-9\r");
    terminal.shows("model: gpt-9").await;
    terminal.press("hi\r");
    terminal.shows("unknown chat model `gpt-9`").await;
    terminal.shows("> ").await;
    terminal.press(CTRL_C);
    terminal.shows("type /quit or press Ctrl-D to leave").await;
    terminal.shows("> ").await;
    // Two lines that arrive together are two commands.
    terminal.press("/model a\r/model b\r");
    terminal.shows("model: a").await;
    terminal.shows("model: b").await;
    terminal.shows("> ").await;
    terminal.press(CTRL_D);
    assert_eq!(terminal.ends().await, 0);

    // The history is available in the next conversation, and only its owner can read it.
    let kept = home.path().join("chat-history");
    assert_eq!(std::fs::metadata(&kept).unwrap().permissions().mode() & 0o777, 0o600);
    let mut terminal = begin();
    terminal.shows("> ").await;
    terminal.press(UP);
    terminal.shows("/model b").await;
    terminal.press(&UP.repeat(2));
    terminal.shows("hi").await;
    terminal.press(UP);
    terminal.shows("/model gpt-9").await;
    terminal.press(&UP.repeat(3));
    terminal.shows("{\"frames\": 3}").await;
    terminal.press("\r");
    terminal.shows("\n0 1 2 \r\n").await;
    terminal.press("/quit\r");
    assert_eq!(terminal.ends().await, 0);
    origin.stop();
}
