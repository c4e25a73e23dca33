//! Redis and Valkey.

use std::process::Command;

use rustix::process::Signal;
use tempfile::TempDir;

use crate::port::Port;
use crate::process::Process;
use crate::program;

/// Which server speaks the protocol of Redis.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RedisKind {
    /// Redis 7.0.
    Redis,
    /// Valkey 8.1.
    Valkey,
}

/// A Redis server that flushes its append-only file with every write, unless other settings are
/// given.
#[derive(Debug)]
pub struct Redis {
    kind: RedisKind,
    settings: Vec<String>,
    port: Port,
    folder: TempDir,
    process: Option<Process>,
}

impl Redis {
    /// Starts a server, or returns `None` if its program is not installed.
    #[must_use]
    pub fn start(kind: RedisKind) -> Option<Self> {
        Self::start_with(kind, &["--appendonly", "yes", "--appendfsync", "always", "--save", ""])
    }

    /// Starts a server with these settings, as arguments of its program.
    #[must_use]
    pub fn start_with(kind: RedisKind, settings: &[&str]) -> Option<Self> {
        program(kind.variable())?;
        let settings = settings.iter().map(|&setting| setting.into()).collect();
        let folder = tempfile::tempdir().unwrap();
        let mut server = Self { kind, settings, port: Port::claim(), folder, process: None };
        server.restart();
        Some(server)
    }

    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port.number())
    }

    #[must_use]
    pub fn port(&self) -> u16 {
        self.port.number()
    }

    /// Kills the server. Its files remain.
    pub fn kill(&mut self) {
        self.process.take().unwrap().kill();
    }

    /// Starts the killed server again, on the same port and files.
    pub fn restart(&mut self) {
        let mut command = Command::new(program(self.kind.variable()).unwrap());
        command
            .args(["--port", &self.port.number().to_string(), "--bind", "127.0.0.1", "--dir"])
            .arg(self.folder.path())
            .args(&self.settings);
        let port = &self.port;
        let log = self.folder.path().join("log");
        self.process = Some(Process::start(&mut command, &log, || port.accepts()));
    }

    /// Stops the server's execution until [`Self::resume`].
    pub fn pause(&self) {
        self.process.as_ref().unwrap().signal(Signal::STOP);
    }

    pub fn resume(&self) {
        self.process.as_ref().unwrap().signal(Signal::CONT);
    }
}

impl RedisKind {
    fn variable(self) -> &'static str {
        match self {
            Self::Redis => "CORTEX_TEST_REDIS",
            Self::Valkey => "CORTEX_TEST_VALKEY",
        }
    }
}
