//! Roles of one installation in processes of their own, which share a store and a bus on servers.

use std::process::Command;
use std::time::Duration;

use crate::api::Api;
use crate::home::Home;
use crate::process::{Process, binary};
use crate::serve::{self, Token};
use crate::{ports, wait};

const READY_TIMEOUT: Duration = Duration::from_secs(30);
/// The id of the installation, which every process has in its home.
const INSTALLATION: &str = "0123456789abcdef0123456789abcdef\n";
const SAFETY: &str = "default: { allow: [\"job.>\"] }\n";
/// A worker that is cut off loses its jobs sooner than by default.
const TIMEOUTS: &str = "heartbeat: 1s\nlease: 4s\ndefault: { run: 60s, attempts: 5 }\n";

/// What the processes share.
#[derive(Debug, Clone)]
pub struct Cluster {
    /// The variables with the addresses of the servers.
    pub servers: Vec<(&'static str, String)>,
}

/// A process with the role `gateway`.
#[derive(Debug)]
pub struct Gateway {
    pub api: Api,
    pub home: Home,
    pub process: Process,
}

/// A process with the role `scheduler`.
#[derive(Debug)]
pub struct Scheduler {
    pub home: Home,
    pub link_port: u16,
    pub process: Process,
    token: Token,
}

impl Cluster {
    fn command(&self, home: &Home, role: &str) -> Command {
        let mut command = Command::new(binary("cortex"));
        command.args(["serve", role, "--grpc-port", "0", "--metrics-port", "0", "--timeouts"]);
        command.arg(home.write("timeouts.yaml", TIMEOUTS));
        command.env("CORTEX_HOME", home.path()).env("CORTEX_LOG", "info").envs(self.servers.iter().cloned());
        command
    }

    fn new_home() -> Home {
        let home = Home::new();
        std::fs::create_dir_all(home.path().join("logs")).unwrap();
        let _ = home.write("installation", INSTALLATION);
        home
    }

    /// Starts a gateway whose local callers are of the tenant, and waits until it responds.
    pub async fn gateway(&self, tenant: &str) -> Gateway {
        self.gateway_in(Self::new_home(), ports::free(), tenant).await
    }

    async fn gateway_in(&self, home: Home, port: u16, tenant: &str) -> Gateway {
        let mut command = self.command(&home, "gateway");
        command.args(["--api-port", &port.to_string(), "--tenant", tenant]);
        let mut process = Process::start(&mut command, &home.path().join("logs/gateway.log"));
        let url = format!("http://127.0.0.1:{port}");
        wait::until("the gateway answers", READY_TIMEOUT, async || {
            if let Some(status) = process.ended() {
                panic!("the gateway ended with {status}:\n{}", home.log("gateway.log"));
            }
            cortex_client::health(&url).await.ok()
        })
        .await;
        Gateway { api: Api::new(&url, &home.secret("api_key")), home, process }
    }

    /// Starts a scheduler, and waits until workers can connect.
    pub async fn scheduler(&self) -> Scheduler {
        let home = Self::new_home();
        let token = serve::token(&home, "echo", "box");
        self.scheduler_in(home, ports::free(), token).await
    }

    async fn scheduler_in(&self, home: Home, link_port: u16, token: Token) -> Scheduler {
        let safety = home.write("safety.yaml", SAFETY);
        let mut command = self.command(&home, "scheduler");
        command.args(["--link-listen", &format!("127.0.0.1:{link_port}"), "--safety"]).arg(safety);
        let mut process = Process::start(&mut command, &home.path().join("logs/scheduler.log"));
        wait::until("the scheduler runs", READY_TIMEOUT, async || {
            if let Some(status) = process.ended() {
                panic!("the scheduler ended with {status}:\n{}", home.log("scheduler.log"));
            }
            home.log("scheduler.log").contains("CortexOS runs the roles").then_some(())
        })
        .await;
        Scheduler { home, link_port, process, token }
    }

    /// Stops a scheduler gracefully, and starts it again.
    pub async fn restart_scheduler(&self, scheduler: Scheduler) -> Scheduler {
        let Scheduler { home, link_port, process, token } = scheduler;
        stopped("the scheduler", process);
        self.scheduler_in(home, link_port, token).await
    }

    /// Stops a gateway gracefully, and starts it again.
    pub async fn restart_gateway(&self, gateway: Gateway, tenant: &str) -> Gateway {
        let Gateway { home, process, .. } = gateway;
        stopped("the gateway", process);
        self.gateway_in(home, ports::free(), tenant).await
    }
}

impl Scheduler {
    /// Starts a worker that is connected to this scheduler.
    #[must_use]
    pub fn worker(&self, name: &str) -> Process {
        serve::worker(&self.home, name, "echo", self.link_port, &self.token)
    }

    /// Returns how many shares it has by the last line of its log about them.
    #[must_use]
    pub fn shares(&self) -> usize {
        let log = self.home.log("scheduler.log");
        let count = log.rsplit("the shares of this scheduler have changed shares=").next();
        let digits = count.map(|rest| rest.chars().take_while(char::is_ascii_digit).collect::<String>());
        digits.and_then(|digits| digits.parse().ok()).unwrap_or_default()
    }
}

fn stopped(name: &str, process: Process) {
    let status = process.stop(Duration::from_secs(30));
    assert!(status.success(), "{name} ended with {status}");
}
