//! What is typed at the prompt: editing a line, and getting back what was typed before.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use rustyline::config::Behavior;
use rustyline::error::ReadlineError;
use rustyline::{Config, DefaultEditor};
use tokio::task::spawn_blocking;

use crate::exit::Failure;
use crate::output;

const PROMPT: &str = "> ";
/// Lines that are kept from one conversation to the next.
const MAX_HISTORY_LINES: usize = 1000;

/// A prompt in the terminal.
pub(super) struct LineEditor {
    /// Away while a thread waits for a line.
    editor: Option<DefaultEditor>,
    /// None if what lies there can't be read.
    history_file: Option<PathBuf>,
}

impl LineEditor {
    /// A prompt that knows the lines of a file, which need not be there yet.
    ///
    /// # Errors
    /// If there is no terminal to type at.
    pub(super) fn open(history_file: PathBuf) -> Result<Self, Failure> {
        let config =
            Config::builder().behavior(Behavior::PreferTerm).max_history_size(MAX_HISTORY_LINES)?.build();
        let mut editor = DefaultEditor::with_config(config)?;
        let readable = match editor.load_history(&history_file) {
            Ok(()) => true,
            Err(ReadlineError::Io(error)) if error.kind() == ErrorKind::NotFound => true,
            Err(error) => {
                output::note(&format!("{}: {error}: no line is kept", history_file.display()));
                false
            }
        };
        Ok(Self { editor: Some(editor), history_file: readable.then_some(history_file) })
    }

    /// The next line; `None` after Ctrl-D. Ctrl-C leaves a line, and not the program.
    ///
    /// # Errors
    /// If the terminal is gone.
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
                Err(ReadlineError::Interrupted) => output::note("/quit or Ctrl-D leaves"),
                Err(ReadlineError::Eof) => return Ok(None),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

fn save_line(editor: &mut DefaultEditor, line: &str, file: &Path) {
    let kept = editor.add_history_entry(line).and_then(|_| editor.append_history(file));
    if let Err(error) = kept {
        tracing::warn!(%error, file = %file.display(), "what was typed can't be kept");
    }
}
