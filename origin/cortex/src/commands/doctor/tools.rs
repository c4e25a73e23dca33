//! The programs that CortexOS needs or can use.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::process::Command;
use tokio::time::timeout;

use super::check::Check;
use crate::program;

/// How long a program may take to print its version.
const TOOL_TIMEOUT: Duration = Duration::from_secs(10);
const MIN_NODE_VERSION: u32 = 20;

pub(super) async fn checks() -> Vec<Check> {
    let [node, npm, cargo, cloudflared] = ["node", "npm", "cargo", "cloudflared"].map(probe_version);
    let (node, npm, cargo, cloudflared) = tokio::join!(node, npm, cargo, cloudflared);
    vec![
        check_node(node),
        needed("npm", npm, "install Node, which includes npm: it installs workerd"),
        match cargo {
            ToolProbe::Missing => Check::warn(
                "cargo",
                "not found",
                "install Rust with rustup to build the edge on this machine",
            ),
            found => Check::ok("cargo", found.describe()),
        },
        workerd(),
        worker(),
        optional("cloudflared", cloudflared, "only needed for a tunnel"),
    ]
}

/// The result of `PROGRAM --version`.
#[derive(Debug, PartialEq, Eq)]
enum ToolProbe {
    /// The first line of its output.
    Version(String),
    /// The program exists, but didn't print its version in time.
    Slow,
    Missing,
}

impl ToolProbe {
    fn describe(self) -> String {
        match self {
            Self::Version(version) => version,
            Self::Slow => {
                format!("found, but `--version` takes longer than {} s", TOOL_TIMEOUT.as_secs())
            }
            Self::Missing => "not found".to_owned(),
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
    let hint = format!("install Node {MIN_NODE_VERSION} or later: the build of the edge needs it");
    match found {
        ToolProbe::Version(version) if major(&version).is_some_and(|major| major >= MIN_NODE_VERSION) => {
            Check::ok("node", version)
        }
        ToolProbe::Version(version) => {
            Check::fail("node", format!("{version} is too old (expected {MIN_NODE_VERSION} or later)"), hint)
        }
        ToolProbe::Slow => Check::warn("node", found.describe(), hint),
        ToolProbe::Missing => Check::fail("node", "not found", hint),
    }
}

/// Returns the major version: 20 of `v20.11.1`.
fn major(version: &str) -> Option<u32> {
    version.trim_start_matches('v').split('.').next()?.parse().ok()
}

fn needed(name: &str, found: ToolProbe, hint: &str) -> Check {
    match found {
        ToolProbe::Missing => Check::fail(name, "not found", hint),
        found => Check::ok(name, found.describe()),
    }
}

fn optional(name: &str, found: ToolProbe, reason: &str) -> Check {
    match found {
        ToolProbe::Missing => Check::ok(name, format!("not found, {reason}")),
        found => Check::ok(name, found.describe()),
    }
}

/// Checks workerd, which runs the edge. Its package has its version: the program prints a build
/// date.
fn workerd() -> Check {
    let hint = "run `make edge` in the CortexOS source folder";
    let starts = [std::env::current_dir(), std::env::current_exe()];
    let mut folders = starts.iter().flatten().flat_map(|start| start.ancestors());
    match folders.find_map(workerd_in) {
        Some((version, folder)) => Check::ok("workerd", format!("{version} in {}", folder.display())),
        None => Check::fail("workerd", "not found in any node_modules above this folder", hint),
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
        _ => Check::fail("cortex-worker", "not found next to cortex", "run `cargo build -p cortex-worker`"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::Outcome;
    use super::*;

    #[test]
    fn an_old_node_fails() {
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
    async fn a_missing_program_has_no_version() {
        assert_eq!(probe_version("cortex-has-no-such-program").await, ToolProbe::Missing);
        assert_eq!(optional("x", ToolProbe::Missing, "not needed").outcome, Outcome::Ok);
    }

    #[tokio::test]
    async fn a_slow_program_is_not_missing() {
        let found = probe("sleep", &["60"], Duration::from_millis(50)).await;
        assert_eq!(found, ToolProbe::Slow);
        assert_eq!(needed("npm", found, "a hint").outcome, Outcome::Ok);
    }

    #[test]
    fn the_version_of_workerd_comes_from_its_package() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(workerd_in(folder.path()), None);
        let package = folder.path().join("node_modules/workerd");
        std::fs::create_dir_all(&package).unwrap();
        std::fs::write(package.join("package.json"), r#"{"version": "1.20260426.1"}"#).unwrap();
        assert_eq!(workerd_in(folder.path()).unwrap().0, "1.20260426.1");
    }
}
