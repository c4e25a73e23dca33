//! Measures the real release binaries with a load program. Synchronous calls are compared with a
//! plain HTTP echo, durable accepts with the disk's own flushes, embeddings with
//! sentence-transformers, the first token of an answer with the worker's own port, and the frames
//! of paced streams with a plain socket. Memory and the time to ready are measured too.
//!
//! Times drift on a shared machine. Rounds are therefore interleaved and their medians taken, the
//! report shows processor time with every time, and the machine itself is probed before and after.
//!
//! `make bench`, or after it `cargo bench -p cortex-tests --bench load -- [--json] [--rounds N]
//! [--seconds S]
//! [sync|accepts|embeddings|first-token|frames|footprint]...`

mod accepts;
mod arguments;
mod client;
mod embeddings;
mod first_token;
mod footprint;
mod frames;
mod plain;
mod probe;
mod process;
mod report;
mod stats;
mod sync;

use arguments::{Arguments, Part};
use report::Report;

type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Runs on one thread, because the servers need the rest of the machine.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome<()> {
    let arguments = match Arguments::read(std::env::args().skip(1))? {
        Arguments { plain: true, .. } => return plain::serve().await,
        arguments => arguments,
    };
    let mut report = Report::default();
    let before = probe::run()?;
    if arguments.wants(Part::Footprint) {
        footprint::measure(&mut report).await?;
    }
    if arguments.wants(Part::Sync) {
        sync::measure(&arguments, &mut report).await?;
    }
    if arguments.wants(Part::Accepts) {
        accepts::measure(&arguments, &mut report).await?;
    }
    if arguments.wants(Part::Embeddings) {
        embeddings::measure(&arguments, &mut report)?;
    }
    if arguments.wants(Part::FirstToken) {
        first_token::measure(&arguments, &mut report).await?;
    }
    if arguments.wants(Part::Frames) {
        frames::measure(&arguments, &mut report).await?;
    }
    report.probed(&before, &probe::run()?);
    report.print(arguments.json)
}
