//! NATS with JetStream.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use rustix::process::Signal;
use tempfile::TempDir;

use crate::port::Port;
use crate::process::Process;
use crate::program;

const PROGRAM: &str = "CORTEX_TEST_NATS";

/// How a NATS server differs from a plain one.
#[derive(Clone, Debug)]
pub struct NatsOptions {
    /// Whether JetStream flushes every write.
    pub sync_always: bool,
    /// More lines of the configuration file.
    pub configuration: String,
}

impl Default for NatsOptions {
    fn default() -> Self {
        Self { sync_always: true, configuration: String::new() }
    }
}

/// A NATS server with JetStream.
#[derive(Debug)]
pub struct Nats {
    port: Port,
    monitor: Port,
    folder: TempDir,
    process: Option<Process>,
}

impl Nats {
    /// Starts a server, or returns `None` if its program is not installed.
    #[must_use]
    pub fn start() -> Option<Self> {
        Self::start_with(&NatsOptions::default())
    }

    #[must_use]
    pub fn start_with(options: &NatsOptions) -> Option<Self> {
        program(PROGRAM)?;
        let folder = tempfile::tempdir().unwrap();
        let (port, monitor) = (Port::claim(), Port::claim());
        write_configuration(folder.path(), &port, &monitor, options);
        let mut server = Self { port, monitor, folder, process: None };
        server.restart();
        Some(server)
    }

    #[must_use]
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port.number())
    }

    #[must_use]
    pub fn port(&self) -> u16 {
        self.port.number()
    }

    /// Returns the address of the monitoring endpoints, as `http://HOST:PORT`.
    #[must_use]
    pub fn monitor_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.monitor.number())
    }

    /// Returns the folder with the server's streams.
    #[must_use]
    pub fn storage(&self) -> std::path::PathBuf {
        self.folder.path().join("jetstream")
    }

    /// Kills the server. Its files remain.
    pub fn kill(&mut self) {
        self.process.take().unwrap().kill();
    }

    /// Starts the killed server again, on the same port and files.
    pub fn restart(&mut self) {
        let mut command = Command::new(program(PROGRAM).unwrap());
        command.arg("--config").arg(self.folder.path().join("nats.conf"));
        let port = &self.port;
        let log = self.folder.path().join("log");
        self.process = Some(Process::start(&mut command, &log, || port.accepts()));
    }

    /// Kills the server, deletes its streams, and starts it again.
    pub fn wipe(&mut self) {
        self.kill();
        std::fs::remove_dir_all(self.storage()).unwrap();
        self.restart();
    }

    /// Stops the server's execution until [`Self::resume`].
    pub fn pause(&self) {
        self.process.as_ref().unwrap().signal(Signal::STOP);
    }

    pub fn resume(&self) {
        self.process.as_ref().unwrap().signal(Signal::CONT);
    }
}

fn write_configuration(folder: &Path, port: &Port, monitor: &Port, options: &NatsOptions) {
    let storage = folder.join("jetstream");
    let (port, monitor) = (port.number(), monitor.number());
    let mut text = format!(
        "listen: \"127.0.0.1:{port}\"\nhttp: \"127.0.0.1:{monitor}\"\njetstream {{ store_dir: {storage:?}"
    );
    if options.sync_always {
        text.push_str(", sync_interval: always");
    }
    writeln!(text, " }}\n{}", options.configuration).unwrap();
    std::fs::write(folder.join("nats.conf"), text).unwrap();
}
