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
const MIN_NODE_VERSION: u32 = 20;

pub(super) async fn checks() -> Vec<Check> {
    let [node, npm, cargo, cloudflared, nats, redis] =
        ["node", "npm", "cargo", "cloudflared", "nats-server", "redis-server"].map(probe_version);
    let (node, npm, cargo, cloudflared, nats, redis) =
        tokio::join!(node, npm, cargo, cloudflared, nats, redis);
    vec![
        check_node(node),
        needed("npm", npm, "install it with Node: the edge's tools come by npm"),
        match cargo {
            ToolProbe::Missing => {
                Check::warn("cargo", "missing", "install rustup, if the edge is to be built here")
            }
            found => Check::ok("cargo", found.describe()),
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
enum ToolProbe {
    /// The first line of `PROGRAM --version`.
    Version(String),
    /// It is there; it did not say its version in time.
    Slow,
    Missing,
}

impl ToolProbe {
    fn describe(self) -> String {
        match self {
            Self::Version(version) => version,
            Self::Slow => {
                format!("here, but it takes longer than {} s to say its version", TOOL_TIMEOUT.as_secs())
            }
            Self::Missing => "missing".to_owned(),
        }
    }
}

async fn probe_version(program: &str) -> ToolProbe {
    probe(program, &["--version"], TOOL_TIMEOUT).await
}

async fn probe(program: &str, arguments: &[&str], limit: Duration) -> ToolProbe {
    let mut command = Command::from(program::tool_command(program));
    command.args(arguments).stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let output = match timeout(limit, command.output()).await {
        Ok(Ok(output)) if output.status.success() => output,
        Ok(_) => return ToolProbe::Missing,
        Err(_) => return ToolProbe::Slow,
    };
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().map(str::trim).find(|line| !line.is_empty());
    line.map_or(ToolProbe::Missing, |line| ToolProbe::Version(line.to_owned()))
}

fn check_node(found: ToolProbe) -> Check {
    let hint = format!("install Node {MIN_NODE_VERSION} or newer: it builds the edge");
    match found {
        ToolProbe::Version(version) if major(&version).is_some_and(|major| major >= MIN_NODE_VERSION) => {
            Check::ok("node", version)
        }
        ToolProbe::Version(version) => Check::fail("node", format!("{version} is too old"), hint),
        ToolProbe::Slow => Check::warn("node", found.describe(), hint),
        ToolProbe::Missing => Check::fail("node", "missing", hint),
    }
}

/// The 20 of `v20.11.1`.
fn major(version: &str) -> Option<u32> {
    version.trim_start_matches('v').split('.').next()?.parse().ok()
}

fn needed(name: &str, found: ToolProbe, hint: &str) -> Check {
    match found {
        ToolProbe::Missing => Check::fail(name, "missing", hint),
        found => Check::ok(name, found.describe()),
    }
}

fn optional(name: &str, found: ToolProbe, why: &str) -> Check {
    match found {
        ToolProbe::Missing => Check::ok(name, format!("not here; {why}")),
        found => Check::ok(name, found.describe()),
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
            let found = ToolProbe::Version(version.to_owned());
            assert_eq!(check_node(found).outcome, expected, "{version}");
        }
        assert_eq!(check_node(ToolProbe::Missing).outcome, Outcome::Fail);
        assert_eq!(check_node(ToolProbe::Slow).outcome, Outcome::Warn);
    }

    #[tokio::test]
    async fn a_program_that_is_not_there_has_no_version() {
        assert_eq!(probe_version("cortex-has-no-such-program").await, ToolProbe::Missing);
        assert_eq!(optional("x", ToolProbe::Missing, "who needs it").outcome, Outcome::Ok);
    }

    #[tokio::test]
    async fn a_slow_program_is_not_a_missing_one() {
        let found = probe("sleep", &["60"], Duration::from_millis(50)).await;
        assert_eq!(found, ToolProbe::Slow);
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
