//! How the process ends when it fails.

use std::process::ExitCode;

use cortex_platform::exit::Exit as Code;
use cortex_runtime::RunError;

/// The process can't go on.
#[derive(Debug)]
pub(crate) struct Exit {
    code: Code,
    error: anyhow::Error,
}

impl Exit {
    /// What it was told can't be used; starting it again won't help.
    pub(crate) fn config(error: impl Into<anyhow::Error>) -> Self {
        Self { code: Code::Config, error: error.into() }
    }

    pub(crate) fn failed(error: impl Into<anyhow::Error>) -> Self {
        Self { code: Code::Negative, error: error.into() }
    }

    pub(crate) fn of_run(error: RunError) -> Self {
        match error {
            RunError::Refused(_) => Self::config(error),
            RunError::Ended => Self::failed(error),
        }
    }

    #[expect(clippy::print_stderr, reason = "the last word, also where logs are filtered")]
    pub(crate) fn report(self) -> ExitCode {
        eprintln!("cortex-worker: {:#}", self.error);
        self.code.into()
    }
}
