//! The messages of `cortex up`.

use cortex_node::Home;

use super::Stack;
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
        let cortex = program::called_as();
        text.push_str(&format!(
            "\nThe development key:\n  {key}\n\nTry it:\n  \
             curl -s {edge}/v1/embeddings -H 'Authorization: Bearer {key}' \\\n    \
             -H 'Content-Type: application/json' \\\n    \
             -d '{{\"model\": \"all-MiniLM-L6-v2\", \"input\": \"hello\"}}'\n  \
             {cortex} submit job.echo '{{\"hello\": \"world\"}}' --wait 10\n  {cortex} chat\n"
        ));
    }
    text
}

pub(crate) fn print_stopping() {
    note("\nStopping when the open requests have finished. Press Ctrl-C again to stop now.");
}

pub(crate) fn print_stopped_early() {
    note("Stopped. Accepted jobs continue at the next start.");
}
