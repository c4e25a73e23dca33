//! The prompt: edits a line, and recalls earlier lines.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use rustyline::config::Behavior;
use rustyline::error::ReadlineError;
use rustyline::{Config, DefaultEditor};
use tokio::task::spawn_blocking;

use crate::exit::Failure;
use crate::output;

const PROMPT: &str = "> ";
/// How many lines the history file keeps.
const MAX_HISTORY_LINES: usize = 1000;

/// The prompt in a terminal.
pub(super) struct LineEditor {
    /// `None` while a thread waits for a line.
    editor: Option<DefaultEditor>,
    /// `None` if the file can't be read. It is then not overwritten.
    history_file: Option<PathBuf>,
}

impl LineEditor {
    /// Opens the prompt with the history in a file, which may not exist yet.
    ///
    /// # Errors
    /// Returns an error if the terminal can't be used.
    pub(super) fn open(history_file: PathBuf) -> Result<Self, Failure> {
        let config =
            Config::builder().behavior(Behavior::PreferTerm).max_history_size(MAX_HISTORY_LINES)?.build();
        let mut editor = DefaultEditor::with_config(config)?;
        let readable = match editor.load_history(&history_file) {
            Ok(()) => true,
            Err(ReadlineError::Io(error)) if error.kind() == ErrorKind::NotFound => true,
            Err(error) => {
                output::note(&format!(
                    "can't read {}: {error}; lines of this conversation are not saved",
                    history_file.display()
                ));
                false
            }
        };
        Ok(Self { editor: Some(editor), history_file: readable.then_some(history_file) })
    }

    /// Reads the next line, or returns `None` after Ctrl-D. Ctrl-C discards the line and asks
    /// again.
    ///
    /// # Errors
    /// Returns an error if the terminal is gone.
    pub(super) async fn read_line(&mut self) -> Result<Option<String>, Failure> {
        loop {
            let Some(mut editor) = self.editor.take() else { return Ok(None) };
            let history_file = self.history_file.clone();
            let (editor, read) = spawn_blocking(move || {
                let read = editor.readline(PROMPT);
                if let (Ok(line), Some(file)) = (&read, history_file) {
                    save_line(&mut editor, line, &file);
                }
                (editor, read)
            })
            .await?;
            self.editor = Some(editor);
            match read {
                Ok(line) => return Ok(Some(line)),
                Err(ReadlineError::Interrupted) => output::note("type /quit or press Ctrl-D to leave"),
                Err(ReadlineError::Eof) => return Ok(None),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

fn save_line(editor: &mut DefaultEditor, line: &str, file: &Path) {
    let saved = editor.add_history_entry(line).and_then(|_| editor.append_history(file));
    if let Err(error) = saved {
        tracing::warn!(%error, file = %file.display(), "can't save the line");
    }
}
