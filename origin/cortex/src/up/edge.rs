//! The edge in development: the real Worker in workerd, under `wrangler dev`.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::process::Command;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::supervise::supervise;
use crate::exit::{Exit, Failure};
use crate::home::{Home, write_private};
use crate::running::Process;
use crate::secrets::Secrets;

/// How long wrangler may take to be ready; a warm start takes two seconds.
const PATIENCE: Duration = Duration::from_secs(120);

/// Ends the whole group when we are gone: wrangler reads no standard input, so a shell does. If wrangler ends,
/// the shell does too.
const GUARD: &str = r#"
"$@" </dev/null &
child=$!
{ cat >/dev/null <&3; kill -TERM 0; } &
exec 3<&-
wait "$child"
"#;

/// The edge that runs here.
#[derive(Debug)]
pub(crate) struct Edge {
    pub(crate) url: String,
    pub(crate) process: Process,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Edge {
    /// Starts the Worker with its state in the home folder and waits until it answers.
    ///
    /// # Errors
    /// If wrangler or the built Worker is missing, or it does not answer.
    pub(crate) async fn start(
        home: &Home,
        secrets: &Secrets,
        port: u16,
        origin: SocketAddr,
        topics: &str,
    ) -> Result<Self, Failure> {
        let root = project_root()?;
        let env_file = home.edge().join("dev.vars");
        write_private(&env_file, vars(secrets, origin, topics).as_bytes())?;
        let log = home.logs().join("edge.log");
        let url = format!("http://{}", SocketAddr::from((Ipv4Addr::LOCALHOST, port)));

        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let (state, registry) = (home.edge().join("state"), home.edge().join("registry"));
        let command = move || wrangler(&root, port, &state, &registry, &env_file);
        tasks.spawn(supervise("edge".into(), log.clone(), command, stop.clone()));
        tasks.close();
        let edge = Self { url, process: Process { name: "edge".into(), log }, stop, tasks };
        match edge.ready().await {
            Ok(()) => Ok(edge),
            Err(failure) => {
                edge.stop().await;
                Err(failure)
            }
        }
    }

    async fn ready(&self) -> Result<(), Failure> {
        let client = reqwest::Client::builder().timeout(Duration::from_secs(5)).build()?;
        let answers = async {
            loop {
                if client.get(format!("{}/health", self.url)).send().await.is_ok() {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(PATIENCE, answers).await.map_err(|_| {
            let log = self.process.log.display();
            Failure::message(Exit::Unavailable, format!("the edge did not answer on {}: see {log}", self.url))
        })
    }

    /// Stops wrangler and workerd.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        self.tasks.wait().await;
    }
}

fn wrangler(root: &Path, port: u16, state: &Path, registry: &Path, env_file: &Path) -> Command {
    let mut command = Command::new("sh");
    // The guard's standard input is the pipe to us; wrangler's is empty.
    command.args(["-c", &format!("exec 3<&0; {GUARD}"), "edge"]);
    command.arg(root.join("node_modules/.bin/wrangler")).args(["dev", "--local", "--ip", "127.0.0.1"]);
    command.args(["--port", &port.to_string(), "--inspector-port", "0"]);
    command.arg("--persist-to").arg(state).arg("--env-file").arg(env_file);
    command.args(["--show-interactive-dev-session=false", "--log-level", "info"]);
    command.current_dir(root);
    for (name, value) in [
        ("CI", "1"),
        ("WRANGLER_SEND_METRICS", "false"),
        ("CLOUDFLARE_CF_FETCH_ENABLED", "false"),
        ("CORTEX_EDGE_PREBUILT", "1"),
    ] {
        command.env(name, value);
    }
    command.env("WRANGLER_REGISTRY_PATH", registry);
    command
}

fn vars(secrets: &Secrets, origin: SocketAddr, topics: &str) -> String {
    format!(
        "KEY_PEPPER={}\nEDGE_KEYS={}\nORIGIN_KEYS={}\nORIGIN_URL=http://{origin}\nCORTEX_TOPICS={topics}\n",
        secrets.pepper, secrets.edge_keys, secrets.origin_keys
    )
}

/// Where `wrangler.toml` lies: this folder or one above it, or above this program.
fn project_root() -> Result<PathBuf, Failure> {
    let here = std::env::current_dir()?;
    let program = std::env::current_exe()?;
    let above = here.ancestors().chain(program.ancestors());
    let root = above.into_iter().find(|folder| folder.join("wrangler.toml").is_file()).ok_or_else(|| {
        Failure::message(
            Exit::Config,
            "wrangler.toml is nowhere above: run it from the project's folder, or with --without edge",
        )
    })?;
    if root.join("node_modules/.bin/wrangler").exists() {
        Ok(root.to_owned())
    } else {
        let detail = format!("wrangler is missing in {}: run `deploy/tools.sh edge` there", root.display());
        Err(Failure::message(Exit::Config, detail))
    }
}
