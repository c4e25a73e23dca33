//! Programs that are needed, or used where they are.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::process::Command;
use tokio::time::timeout;

use super::check::Check;

/// How long a program may take to say its version.
const PATIENCE: Duration = Duration::from_secs(10);
const NODE: u32 = 20;

pub(super) async fn checks() -> Vec<Check> {
    let [node, npm, cargo, cloudflared, nats, redis] =
        ["node", "npm", "cargo", "cloudflared", "nats-server", "redis-server"].map(version);
    let (node, npm, cargo, cloudflared, nats, redis) =
        tokio::join!(node, npm, cargo, cloudflared, nats, redis);
    vec![
        check_node(node),
        needed("npm", npm, "install it with Node: the edge's tools come by npm"),
        match cargo {
            Some(found) => Check::ok("cargo", found),
            None => Check::warn("cargo", "missing", "install rustup, if the edge is to be built here"),
        },
        wrangler(),
        worker(),
        optional("cloudflared", cloudflared, "only a tunnel needs it"),
        optional("nats-server", nats, "only more than one machine needs it"),
        optional("redis-server", redis, "only more than one machine needs it"),
    ]
}

/// The first line of `PROGRAM --version`.
async fn version(program: &str) -> Option<String> {
    let mut command = Command::new(program);
    command.arg("--version").stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let output = timeout(PATIENCE, command.output()).await.ok()?.ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().find(|line| !line.trim().is_empty())?;
    output.status.success().then(|| line.trim().to_owned())
}

fn check_node(found: Option<String>) -> Check {
    let hint = format!("install Node {NODE} or newer: the edge runs in it");
    match found {
        Some(version) if major(&version).is_some_and(|major| major >= NODE) => Check::ok("node", version),
        Some(version) => Check::fail("node", format!("{version} is too old"), hint),
        None => Check::fail("node", "missing", hint),
    }
}

/// The 20 of `v20.11.1`.
fn major(version: &str) -> Option<u32> {
    version.trim_start_matches('v').split('.').next()?.parse().ok()
}

fn needed(name: &str, found: Option<String>, hint: &str) -> Check {
    match found {
        Some(version) => Check::ok(name, version),
        None => Check::fail(name, "missing", hint),
    }
}

fn optional(name: &str, found: Option<String>, why: &str) -> Check {
    Check::ok(name, found.unwrap_or_else(|| format!("not here; {why}")))
}

/// Its version is read from its package: running it takes seconds.
fn wrangler() -> Check {
    let hint = "run `deploy/tools.sh edge` in the project's folder";
    let starts = [std::env::current_dir(), std::env::current_exe()];
    let mut folders = starts.iter().flatten().flat_map(|start| start.ancestors());
    match folders.find_map(wrangler_in) {
        Some((version, folder)) => Check::ok("wrangler", format!("{version} in {}", folder.display())),
        None => Check::fail("wrangler", "no node_modules above holds it", hint),
    }
}

fn wrangler_in(folder: &Path) -> Option<(String, PathBuf)> {
    let modules = folder.join("node_modules");
    let package = std::fs::read(modules.join("wrangler/package.json")).ok()?;
    let package: Value = serde_json::from_slice(&package).ok()?;
    Some((package["version"].as_str()?.to_owned(), modules))
}

fn worker() -> Check {
    let program = std::env::current_exe().map(|program| program.with_file_name("cortex-worker"));
    match program {
        Ok(program) if program.is_file() => Check::ok("cortex-worker", program.display().to_string()),
        _ => {
            Check::fail("cortex-worker", "not beside cortex", "build it with `cargo build -p cortex-worker`")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::Outcome;
    use super::*;

    #[test]
    fn node_has_to_be_new_enough() {
        for (version, expected) in [
            (Some("v20.0.0"), Outcome::Ok),
            (Some("v22.11.0"), Outcome::Ok),
            (Some("v18.19.1"), Outcome::Fail),
            (Some("what"), Outcome::Fail),
            (None, Outcome::Fail),
        ] {
            assert_eq!(check_node(version.map(str::to_owned)).outcome, expected, "{version:?}");
        }
    }

    #[tokio::test]
    async fn a_program_that_is_not_there_has_no_version() {
        assert_eq!(version("cortex-has-no-such-program").await, None);
        assert_eq!(optional("x", None, "who needs it").outcome, Outcome::Ok);
    }

    #[test]
    fn wrangler_tells_its_version_without_being_run() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(wrangler_in(folder.path()), None);
        let package = folder.path().join("node_modules/wrangler");
        std::fs::create_dir_all(&package).unwrap();
        std::fs::write(package.join("package.json"), r#"{"version": "4.86.0"}"#).unwrap();
        assert_eq!(wrangler_in(folder.path()).unwrap().0, "4.86.0");
    }
}
