//! Exit codes and the final error message.

use std::process::ExitCode;

use cortex_platform::exit::Exit as Code;
use cortex_runtime::RunError;

/// Why the process can't continue.
#[derive(Debug)]
pub(crate) struct Exit {
    code: Code,
    error: anyhow::Error,
}

impl Exit {
    /// A configuration error. Another start won't help.
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

    #[expect(clippy::print_stderr, reason = "the error must show even if logs are filtered")]
    pub(crate) fn report(self) -> ExitCode {
        eprintln!("cortex-worker: {:#}", self.error);
        self.code.into()
    }
}
