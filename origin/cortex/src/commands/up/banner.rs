//! The messages of `cortex up`.

use cortex_domain::topics;
use cortex_node::Home;

use super::Stack;
use super::config::Served;
use crate::exit::Failure;
use crate::output::{fields, note, print};
use crate::program;

/// Prints the addresses, the development key and a first request.
///
/// # Errors
/// Returns an error if the output can't be written.
pub(crate) fn print_banner(home: &Home, stack: &Stack) -> Result<(), Failure> {
    print(&text(home, stack))?;
    Ok(())
}

fn text(home: &Home, stack: &Stack) -> String {
    let running = &stack.running;
    let workers: Vec<_> =
        running.processes.iter().filter(|p| p.name != "edge").map(|p| p.name.as_str()).collect();
    let with = |url: &Option<String>, note: &str| url.as_ref().map(|url| format!("{url} ({note})"));
    let lines = [
        ("  edge", with(&running.edge, "public API")),
        ("  origin", Some(format!("{} (same API, for local callers)", running.origin))),
        ("  gRPC", with(&running.grpc, "for local callers")),
        ("  metrics", with(&running.metrics, "for Prometheus")),
        ("  embedding host", with(&running.host, "local, without policies")),
        ("  chat host", with(&running.chat_host, "local, without policies")),
        ("  workers", Some(if workers.is_empty() { "-".into() } else { workers.join(", ") })),
        ("  files", Some(home.path().display().to_string())),
    ];
    let lines = fields(lines.into_iter().filter_map(|(name, value)| Some((name, value?))));
    let mut text = format!("CortexOS is running. Press Ctrl-C to stop it.\n\n{lines}\n");
    if let (Some(edge), Some(key)) = (&running.edge, &stack.key) {
        text.push_str(&format!("\nThe development key:\n  {key}\n\nTry it:\n"));
        for command in first_commands(edge, key, &stack.served, &program::called_as()) {
            text.push_str(&format!("  {command}\n"));
        }
    }
    text
}

/// Returns commands that the running workers can serve. The first one shows how to use the key.
fn first_commands(edge: &str, key: &str, served: &Served, cortex: &str) -> Vec<String> {
    let echo = topics::ECHO;
    let (path, body) = match &served.embeddings {
        Some(model) => ("/v1/embeddings", format!(r#"{{"model": "{model}", "input": "hello"}}"#)),
        None => ("/api/v1/jobs", format!(r#"{{"topic": "{echo}", "input": {{"hello": "world"}}}}"#)),
    };
    let mut commands = vec![format!(
        "curl -s {edge}{path} -H 'Authorization: Bearer {key}' \\\n    \
         -H 'Content-Type: application/json' \\\n    -d '{body}'"
    )];
    if served.echo {
        commands.push(format!(r#"{cortex} submit {echo} '{{"hello": "world"}}' --wait 10"#));
    }
    if served.chat {
        commands.push(format!("{cortex} chat"));
    }
    commands
}

pub(crate) fn print_stopping() {
    note("\nStopping when the open requests have finished. Press Ctrl-C again to stop now.");
}

pub(crate) fn print_stopped_early() {
    note("Stopped. Accepted jobs continue at the next start.");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_commands_that_a_worker_serves_are_shown() {
        let commands = |served| first_commands("http://127.0.0.1:8787", "KEY", &served, "cortex");
        let model = "all-MiniLM-L6-v2".parse().unwrap();
        let all = commands(Served { echo: true, embeddings: Some(model), chat: true });
        assert_eq!(
            all[0],
            "curl -s http://127.0.0.1:8787/v1/embeddings -H 'Authorization: Bearer KEY' \\\n    \
             -H 'Content-Type: application/json' \\\n    \
             -d '{\"model\": \"all-MiniLM-L6-v2\", \"input\": \"hello\"}'"
        );
        assert_eq!(all[1..], ["cortex submit job.echo '{\"hello\": \"world\"}' --wait 10", "cortex chat"]);
        let chat = commands(Served { echo: false, embeddings: None, chat: true });
        assert!(chat[0].contains("/api/v1/jobs") && chat[0].contains("Bearer KEY"), "{chat:?}");
        assert_eq!(chat[1..], ["cortex chat"]);
    }
}
