//! What `cortex up` prints.

use super::Stack;
use crate::output::out;
use cortex_node::Home;

/// Where everything is, and a first call.
pub(crate) fn print(home: &Home, stack: &Stack) {
    let running = &stack.running;
    out("CortexOS is up. Ctrl-C stops it.\n");
    if let Some(edge) = &running.edge {
        out(&format!("  edge        {edge}   the public door"));
    }
    out(&format!("  origin      {}   on loopback, behind the edge", running.origin));
    if let Some(grpc) = &running.grpc {
        out(&format!("  gRPC        {grpc}   on loopback, for local callers"));
    }
    if let Some(host) = &running.host {
        out(&format!("  model host  {host}   on loopback, ungoverned: embeddings"));
    }
    if let Some(host) = &running.chat_host {
        out(&format!("  model host  {host}   on loopback, ungoverned: chat"));
    }
    let workers: Vec<_> =
        running.processes.iter().filter(|p| p.name != "edge").map(|p| p.name.as_str()).collect();
    out(&format!("  workers     {}", if workers.is_empty() { "none".into() } else { workers.join(", ") }));
    out(&format!("  files       {}", home.path().display()));
    if let (Some(edge), Some(key)) = (&running.edge, &stack.key) {
        out(&format!("\nA key for development:\n  {key}\n\nTry it:"));
        out(&format!(
            "  curl -s {edge}/v1/embeddings -H 'Authorization: Bearer {key}' \\\n    -H 'Content-Type: application/json' \\\n    -d '{{\"model\": \"all-MiniLM-L6-v2\", \"input\": \"hello\"}}'"
        ));
        out(&format!("  {} submit job.echo '{{\"hello\": \"world\"}}' --wait 10\n", program()));
    }
}

/// This program as it was called.
fn program() -> String {
    std::env::args().next().unwrap_or_else(|| "cortex".into())
}

pub(crate) fn stopping() {
    out("\nStopping: finishing what is under way. Ctrl-C again to stop at once.");
}

pub(crate) fn stopped_early() {
    out("Stopped at once. Accepted jobs go on at the next start.");
}
