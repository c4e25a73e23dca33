//! OpenAI's own clients.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use cortex_tests::stack::Stack;
use cortex_tests::{process, wait};

#[tokio::test]
async fn the_python_client_gets_embeddings_through_the_edge() {
    run(python(), "embeddings.py", &Stack::embed().await).await;
}

#[tokio::test]
async fn the_python_client_chats_through_the_edge() {
    let stack = Stack::chat().await;
    run(python(), "chat.py", &stack).await;
    idle(&stack).await;
}

#[tokio::test]
async fn the_javascript_client_chats_through_the_edge() {
    let stack = Stack::chat().await;
    run("node".into(), "chat.mjs", &stack).await;
    idle(&stack).await;
}

#[tokio::test]
async fn the_python_client_has_tools_called_through_the_edge() {
    run(python(), "tools.py", &Stack::chat().await).await;
}

#[tokio::test]
async fn the_javascript_client_has_tools_called_through_the_edge() {
    run("node".into(), "tools.mjs", &Stack::chat().await).await;
}

#[tokio::test]
async fn the_python_client_sends_every_answer_back_through_the_edge() {
    run(python(), "history.py", &Stack::chat().await).await;
}

#[tokio::test]
async fn the_javascript_client_sends_every_answer_back_through_the_edge() {
    run("node".into(), "history.mjs", &Stack::chat().await).await;
}

/// Runs a script against an edge. The script contains the assertions.
async fn run(program: PathBuf, script: &str, stack: &Stack) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/edge/openai");
    let mut command = Command::new(program);
    command.arg(folder.join(script)).args([&stack.edge.url, &stack.api.key]);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.trim() == "ok", "{text}{errors}\n{}", stack.edge.log());
}

fn python() -> PathBuf {
    let named = std::env::var_os("CORTEX_TEST_PYTHON").map(PathBuf::from);
    let python = named.unwrap_or_else(|| process::target().join("venv/bin/python"));
    assert!(python.is_file(), "{} is missing: `scripts/tools.sh test` makes it", python.display());
    python
}

/// Waits until no worker has a slot in use.
async fn idle(stack: &Stack) {
    wait::until("every slot is free", Duration::from_secs(30), async || {
        let listed = stack.origin.api.get("/api/v1/workers").await;
        let workers = listed.body["workers"].as_array()?;
        workers.iter().all(|worker| worker["in_flight"] == 0).then_some(())
    })
    .await;
}
