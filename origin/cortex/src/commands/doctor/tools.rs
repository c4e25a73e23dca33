//! Programs that are needed, or used where they are.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::process::Command;
use tokio::time::timeout;

use super::check::Check;
use crate::program;

/// How long a program may take to say its version.
const TOOL_TIMEOUT: Duration = Duration::from_secs(10);
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
            Found::Missing => {
                Check::warn("cargo", "missing", "install rustup, if the edge is to be built here")
            }
            found => Check::ok("cargo", found.words()),
        },
        workerd(),
        worker(),
        optional("cloudflared", cloudflared, "only a tunnel needs it"),
        optional("nats-server", nats, "only more than one machine needs it"),
        optional("redis-server", redis, "only more than one machine needs it"),
    ]
}

/// What is known of a program.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    /// The first line of `PROGRAM --version`.
    Version(String),
    /// It is there; it did not say its version in time.
    Slow,
    Missing,
}

impl Found {
    fn words(self) -> String {
        match self {
            Self::Version(version) => version,
            Self::Slow => {
                format!("here, but it takes longer than {} s to say its version", TOOL_TIMEOUT.as_secs())
            }
            Self::Missing => "missing".to_owned(),
        }
    }
}

async fn version(program: &str) -> Found {
    asked(program, &["--version"], TOOL_TIMEOUT).await
}

async fn asked(program: &str, arguments: &[&str], patience: Duration) -> Found {
    let mut command = Command::from(program::tool(program));
    command.args(arguments).stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let output = match timeout(patience, command.output()).await {
        Ok(Ok(output)) if output.status.success() => output,
        Ok(_) => return Found::Missing,
        Err(_) => return Found::Slow,
    };
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().map(str::trim).find(|line| !line.is_empty());
    line.map_or(Found::Missing, |line| Found::Version(line.to_owned()))
}

fn check_node(found: Found) -> Check {
    let hint = format!("install Node {NODE} or newer: it builds the edge");
    match found {
        Found::Version(version) if major(&version).is_some_and(|major| major >= NODE) => {
            Check::ok("node", version)
        }
        Found::Version(version) => Check::fail("node", format!("{version} is too old"), hint),
        Found::Slow => Check::warn("node", found.words(), hint),
        Found::Missing => Check::fail("node", "missing", hint),
    }
}

/// The 20 of `v20.11.1`.
fn major(version: &str) -> Option<u32> {
    version.trim_start_matches('v').split('.').next()?.parse().ok()
}

fn needed(name: &str, found: Found, hint: &str) -> Check {
    match found {
        Found::Missing => Check::fail(name, "missing", hint),
        found => Check::ok(name, found.words()),
    }
}

fn optional(name: &str, found: Found, why: &str) -> Check {
    match found {
        Found::Missing => Check::ok(name, format!("not here; {why}")),
        found => Check::ok(name, found.words()),
    }
}

/// The Worker runs in workerd. Its version is read from its package: the program itself says a build date.
fn workerd() -> Check {
    let hint = "run `make edge` in the project's folder";
    let starts = [std::env::current_dir(), std::env::current_exe()];
    let mut folders = starts.iter().flatten().flat_map(|start| start.ancestors());
    match folders.find_map(workerd_in) {
        Some((version, folder)) => Check::ok("workerd", format!("{version} in {}", folder.display())),
        None => Check::fail("workerd", "no node_modules above holds it", hint),
    }
}

fn workerd_in(folder: &Path) -> Option<(String, PathBuf)> {
    let modules = folder.join("node_modules");
    let package = std::fs::read(modules.join("workerd/package.json")).ok()?;
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
            ("v20.0.0", Outcome::Ok),
            ("v22.11.0", Outcome::Ok),
            ("v18.19.1", Outcome::Fail),
            ("what", Outcome::Fail),
        ] {
            let found = Found::Version(version.to_owned());
            assert_eq!(check_node(found).outcome, expected, "{version}");
        }
        assert_eq!(check_node(Found::Missing).outcome, Outcome::Fail);
        assert_eq!(check_node(Found::Slow).outcome, Outcome::Warn);
    }

    #[tokio::test]
    async fn a_program_that_is_not_there_has_no_version() {
        assert_eq!(version("cortex-has-no-such-program").await, Found::Missing);
        assert_eq!(optional("x", Found::Missing, "who needs it").outcome, Outcome::Ok);
    }

    #[tokio::test]
    async fn a_slow_program_is_not_a_missing_one() {
        let found = asked("sleep", &["60"], Duration::from_millis(50)).await;
        assert_eq!(found, Found::Slow);
        assert_eq!(needed("npm", found, "a hint").outcome, Outcome::Ok);
    }

    #[test]
    fn workerd_tells_its_version_without_being_run() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(workerd_in(folder.path()), None);
        let package = folder.path().join("node_modules/workerd");
        std::fs::create_dir_all(&package).unwrap();
        std::fs::write(package.join("package.json"), r#"{"version": "1.20260426.1"}"#).unwrap();
        assert_eq!(workerd_in(folder.path()).unwrap().0, "1.20260426.1");
    }
}
