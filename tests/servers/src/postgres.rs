//! Postgres.

use std::fs::File;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::fs::{FlockOperation, flock};
use rustix::process::{Signal, geteuid};
use tempfile::TempDir;

use crate::port::Port;
use crate::process::Process;
use crate::program;

/// A user and group without rights, because Postgres does not run as root.
const UNPRIVILEGED: u32 = 65534;
/// The database and the user of the tests.
const NAME: &str = "cortex";

/// Which release of Postgres.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PostgresVersion {
    V15,
    V18,
}

/// A Postgres server that flushes every commit, unless other settings are given.
#[derive(Debug)]
pub struct Postgres {
    programs: PathBuf,
    settings: Vec<String>,
    port: Port,
    folder: TempDir,
    process: Option<Process>,
}

impl Postgres {
    /// Starts a server with an empty database, or returns `None` if its programs are not installed.
    #[must_use]
    pub fn start(version: PostgresVersion) -> Option<Self> {
        Self::start_with(version, &[])
    }

    /// Starts a server with these settings, for example `fsync=off`.
    #[must_use]
    pub fn start_with(version: PostgresVersion, settings: &[&str]) -> Option<Self> {
        let programs = program(version.variable())?;
        let folder = tempfile::Builder::new().prefix("pg").tempdir_in("/tmp").unwrap();
        give_to_server(folder.path());
        let settings = settings.iter().map(|&setting| setting.into()).collect();
        let mut server = Self { programs, settings, port: Port::claim(), folder, process: None };
        server.copy_template(version);
        server.restart();
        Some(server)
    }

    /// Returns the address of the test's own database.
    #[must_use]
    pub fn url(&self) -> String {
        format!("postgres://{NAME}@127.0.0.1:{}/postgres", self.port.number())
    }

    #[must_use]
    pub fn port(&self) -> u16 {
        self.port.number()
    }

    /// Kills the server with its connections. Its files remain.
    pub fn kill(&mut self) {
        self.process.take().unwrap().kill();
    }

    /// Starts the killed server again, on the same port and files.
    pub fn restart(&mut self) {
        // A killed server leaves this file, which names a process that no longer exists.
        let _ = std::fs::remove_file(self.data().join("postmaster.pid"));
        let mut command = self.command("postgres");
        command.arg("-D").arg(self.data()).args([
            "-p",
            &self.port.number().to_string(),
            "-h",
            "127.0.0.1",
            "-k",
            "",
        ]);
        for setting in &self.settings {
            command.args(["-c", setting]);
        }
        let (port, log) = (&self.port, self.folder.path().join("log"));
        let status = self.data().join("postmaster.pid");
        let ready = || {
            let status = std::fs::read_to_string(&status).unwrap_or_default();
            status.lines().any(|line| line.trim() == "ready") && port.accepts()
        };
        self.process = Some(Process::start(&mut command, &log, ready));
    }

    /// Stops the main process until [`Self::resume`], so that no connection can be made.
    pub fn pause(&self) {
        self.process.as_ref().unwrap().signal(Signal::STOP);
    }

    pub fn resume(&self) {
        self.process.as_ref().unwrap().signal(Signal::CONT);
    }

    /// Copies an empty database, which is made once on each machine because that takes seconds.
    fn copy_template(&self, version: PostgresVersion) {
        let user = geteuid().as_raw();
        let template = PathBuf::from(format!("/tmp/cortex-test-postgres-{user}-{version:?}"));
        let lock = File::create(template.with_extension("lock")).unwrap();
        flock(&lock, FlockOperation::LockExclusive).unwrap();
        if !template.join("data/PG_VERSION").exists() {
            let _ = std::fs::remove_dir_all(&template);
            std::fs::create_dir(&template).unwrap();
            give_to_server(&template);
            let draft = template.join("draft");
            let mut initdb = self.command("initdb");
            initdb.args(["--no-sync", "--auth=trust", "--encoding=UTF8", "--locale=C", "--wal-segsize=1"]);
            run(initdb.args(["--username", NAME, "-D"]).arg(&draft));
            std::fs::rename(draft, template.join("data")).unwrap();
        }
        drop(lock);
        let mut copy = Command::new("cp");
        as_server(&mut copy);
        run(copy.arg("-Rp").arg(template.join("data")).arg(self.data()));
    }

    fn command(&self, name: &str) -> Command {
        let mut command = Command::new(self.programs.join(name));
        command.current_dir(self.folder.path()).env("LC_ALL", "C");
        as_server(&mut command);
        command
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }
}

impl PostgresVersion {
    fn variable(self) -> &'static str {
        match self {
            Self::V15 => "CORTEX_TEST_POSTGRES_15",
            Self::V18 => "CORTEX_TEST_POSTGRES_18",
        }
    }
}

/// Lets a command run as the server's user.
fn as_server(command: &mut Command) {
    if geteuid().is_root() {
        command.uid(UNPRIVILEGED).gid(UNPRIVILEGED);
    }
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn give_to_server(folder: &Path) {
    if geteuid().is_root() {
        chown(folder, Some(UNPRIVILEGED), Some(UNPRIVILEGED)).unwrap();
    }
}
