//! Measures texts per second of the embedding engine, and prints a line of JSON per round:
//! `embed_speed MODEL_DIR TEXTS.json [THREADS] [ROUNDS]`.
//!
//! `embed_speed.py` does the same with sentence-transformers. `embed_ratio.py` runs the two in
//! turn.

use std::error::Error;
use std::num::NonZeroUsize;
use std::path::Path;
use std::time::Instant;

use cortex_domain::id::Tenant;
use cortex_inference::Device;
use cortex_inference::embed::{Embedder, LongText};

/// Texts per call, the same number as in a batch of sentence-transformers.
const BATCH: usize = 32;

#[tokio::main(flavor = "current_thread")]
#[allow(clippy::print_stdout)]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [dir, texts, rest @ ..] = arguments.as_slice() else {
        return Err("usage: embed_speed MODEL_DIR TEXTS.json [THREADS] [ROUNDS]".into());
    };
    let threads: NonZeroUsize = rest.first().map_or("2", String::as_str).parse()?;
    let rounds: usize = rest.get(1).map_or("1", String::as_str).parse()?;
    let texts: Vec<String> = serde_json::from_str(&std::fs::read_to_string(texts)?)?;

    let start = Instant::now();
    let embedder = Embedder::load(Path::new(dir), Device::Cpu, threads)?;
    let load = start.elapsed().as_secs_f64();
    let tenant: Tenant = "bench".parse()?;
    let embed = |texts: &[String]| embedder.embed(&tenant, texts.to_vec(), LongText::Truncate);
    embed(&texts[..BATCH.min(texts.len())]).await?;
    for _ in 0..rounds {
        let (start, cpu) = (Instant::now(), cpu_seconds()?);
        let mut tokens = 0;
        for batch in texts.chunks(BATCH) {
            tokens += embed(batch).await?.tokens;
        }
        let (wall, cpu) = (start.elapsed().as_secs_f64(), cpu_seconds()? - cpu);
        let rate = texts.len() as f64 / wall;
        let resident = resident_kib()?;
        println!(
            r#"{{"texts_per_s":{rate:.1},"wall_s":{wall:.3},"cpu_s":{cpu:.3},"tokens":{tokens},"load_s":{load:.3},"rss_kib":{}}}"#,
            resident
        );
    }
    Ok(())
}

/// Returns the user and system time of this process, over all threads.
fn cpu_seconds() -> Result<f64, Box<dyn Error>> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks = after_name.split_whitespace().skip(11).take(2).map(str::parse::<f64>);
    Ok(ticks.sum::<Result<f64, _>>()? / 100.0)
}

fn resident_kib() -> Result<String, Box<dyn Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("0");
        line.trim().trim_end_matches(" kB").to_owned()
    };
    Ok(format!(
        r#"{{"total":{},"anonymous":{},"file":{}}}"#,
        field("VmRSS:"),
        field("RssAnon:"),
        field("RssFile:")
    ))
}
