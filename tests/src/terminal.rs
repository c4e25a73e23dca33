//! A pseudo-terminal for interactive programs.

use std::io::{Read, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use portable_pty::{Child, CommandBuilder, PtySize, native_pty_system};

use crate::wait;

const TIMEOUT: Duration = Duration::from_secs(30);

/// A program in its own terminal, which is killed when this is dropped.
pub struct Terminal {
    child: Box<dyn Child + Send + Sync>,
    keys: Box<dyn Write + Send>,
    /// Output that no call has looked at yet.
    shown: Arc<Mutex<String>>,
}

impl Terminal {
    /// Starts a program with a home.
    #[must_use]
    pub fn run(program: &Path, arguments: &[&str], home: &Path) -> Self {
        let pty = native_pty_system().openpty(PtySize::default()).unwrap();
        let mut command = CommandBuilder::new(program);
        command.args(arguments);
        command.env("CORTEX_HOME", home);
        command.env("TERM", "xterm");
        let child = pty.slave.spawn_command(command).unwrap();
        let mut reader = pty.master.try_clone_reader().unwrap();
        let keys = pty.master.take_writer().unwrap();
        let shown = Arc::new(Mutex::new(String::new()));
        let sink = Arc::clone(&shown);
        // Ends with the program, because then there is nothing more to read.
        std::thread::spawn(move || {
            let (mut piece, mut cut) = ([0; 4096], Vec::new());
            while let Ok(length @ 1..) = reader.read(&mut piece) {
                cut.extend_from_slice(&piece[..length]);
                let whole = std::str::from_utf8(&cut).map_or_else(|error| error.valid_up_to(), str::len);
                let text: Vec<u8> = cut.drain(..whole).collect();
                sink.lock().unwrap().push_str(std::str::from_utf8(&text).unwrap());
            }
        });
        Self { child, keys, shown }
    }

    /// Types keys.
    pub fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    /// Waits until the program has printed a text. Returns the output up to it, and does not look
    /// at that output again.
    ///
    /// # Panics
    /// Panics if the text does not appear in time.
    pub async fn shows(&self, text: &str) -> String {
        let find = async || {
            let mut shown = self.shown.lock().unwrap();
            let end = shown.find(text)? + text.len();
            Some(shown.drain(..end).collect())
        };
        tokio::time::timeout(TIMEOUT, wait::until(text, TIMEOUT * 2, find))
            .await
            .unwrap_or_else(|_| panic!("{text:?} is not shown after {:?}", self.shown.lock().unwrap()))
    }

    /// Waits until the program has ended. Returns its exit status.
    pub async fn ends(&mut self) -> u32 {
        let child = &mut self.child;
        wait::until("the program ends", TIMEOUT, async || child.try_wait().unwrap()).await.exit_code()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // The program may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl std::fmt::Debug for Terminal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Terminal").field("shown", &self.shown).finish_non_exhaustive()
    }
}
