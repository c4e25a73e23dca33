//! The `bench` command: measures a language model on this machine, without an origin.

use cortex_inference::language::bench::{Case, measure};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::config::{Cases, Generation, Models};
use crate::engine;
use crate::exit::Exit;

/// Prints the model, and then each case after it was measured, as lines of JSON on standard output.
///
/// # Errors
///
/// Returns an error if the model can't be loaded or a case fails.
pub(crate) async fn run(models: Models, generation: Generation, cases: Cases) -> Result<(), Exit> {
    let threads = models.threads;
    let (registry, name) = engine::registry(models, generation, CancellationToken::new())?;
    let handle = engine::load_first(&registry, &name).await?;
    let (engine, identity) = (handle.engine(), handle.engine().identity());
    line(&json!({
        "model": name.as_str(), "quantisation": identity.quantisation, "device": identity.device, "dtype": identity.dtype,
        "threads": threads, "memory_mib": engine.bytes() >> 20, "context": engine.longest(),
    }));
    let mut salt = 0;
    for prompt in &cases.prompts {
        for batch in &cases.batches {
            let case = Case { prompt: prompt.get(), tokens: cases.tokens.get(), batch: batch.get() };
            salt += 1;
            let measured = measure(engine, case, salt).await.map_err(Exit::config)?;
            line(&json!({
                "prompt": case.prompt, "tokens": case.tokens, "batch": case.batch, "prefill": measured.prefill,
                "decode": measured.decode, "first_token_ms": measured.first_token.as_secs_f64() * 1e3,
            }));
        }
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the command prints its results")]
fn line(value: &serde_json::Value) {
    println!("{value}");
}
