//! Errors of commands, with the exit codes that they end the process with.

pub(crate) use cortex_platform::exit::Exit;

use cortex_client::CallError;
use cortex_node::{BuildError, ConfigError, HomeError, IdentityFileError, SecretsError, WorkerTokensError};
use cortex_platform::telemetry::ExportError;

/// An error with the code it ends the process with.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    pub(crate) error: anyhow::Error,
}

impl Failure {
    pub(crate) fn new(exit: Exit, error: impl Into<anyhow::Error>) -> Self {
        Self { exit, error: error.into() }
    }

    /// Prints the failure on one line, with its causes after it, and returns its exit code.
    #[expect(clippy::print_stderr, reason = "it is the last line, also where logs are filtered")]
    pub(crate) fn report(&self) -> Exit {
        eprintln!("cortex: {:#}", self.error);
        self.exit
    }

    pub(crate) fn message(exit: Exit, message: impl std::fmt::Display) -> Self {
        Self { exit, error: anyhow::anyhow!("{message}") }
    }
}

/// Errors that mean that something of ours broke. The list is explicit, so that an error with an exit code of its own
/// can't take this one by `?`.
macro_rules! broken {
    ($($error:ty),+ $(,)?) => {
        $(impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self::new(Exit::Broken, error)
            }
        })+
    };
}

broken! {
    std::io::Error,
    serde_json::Error,
    tokio::task::JoinError,
    reqwest::Error,
    rustyline::error::ReadlineError,
}

impl From<ExportError> for Failure {
    fn from(error: ExportError) -> Self {
        Self::new(Exit::Config, error)
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::new(Exit::Config, error)
    }
}

impl From<HomeError> for Failure {
    fn from(error: HomeError) -> Self {
        match error {
            HomeError::Io(error) => error.into(),
            error => Self::new(Exit::Config, error),
        }
    }
}

impl From<SecretsError> for Failure {
    fn from(error: SecretsError) -> Self {
        let exit = if error.is_of_the_configuration() { Exit::Config } else { Exit::Broken };
        Self::new(exit, error)
    }
}

impl From<IdentityFileError> for Failure {
    fn from(error: IdentityFileError) -> Self {
        Self::new(Exit::Config, error)
    }
}

impl From<WorkerTokensError> for Failure {
    fn from(error: WorkerTokensError) -> Self {
        let exit = if error.is_of_the_request() { Exit::BadInput } else { Exit::Config };
        Self::new(exit, error)
    }
}

impl From<BuildError> for Failure {
    fn from(error: BuildError) -> Self {
        let exit = if error.is_of_the_configuration() { Exit::Config } else { Exit::Broken };
        Self::new(exit, error)
    }
}

impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        Self::new(exit_of_call(&error), error)
    }
}

/// Returns the exit code of a call that failed.
pub(crate) fn exit_of_call(error: &CallError) -> Exit {
    match error {
        CallError::InvalidAddress { .. } => Exit::BadInput,
        CallError::Unreachable { .. } => Exit::Unavailable,
        CallError::Refused(refused) => exit_of_status(refused.status.as_u16()),
        CallError::InvalidResponse { .. } | CallError::InvalidRequest(_) => Exit::Broken,
    }
}

fn exit_of_status(status: u16) -> Exit {
    match status {
        401 | 403 => Exit::NotPermitted,
        409 => Exit::Negative,
        408 | 425 | 429 | 502..=504 | 507 => Exit::Unavailable,
        400..=499 => Exit::BadInput,
        _ => Exit::Broken,
    }
}

#[cfg(test)]
mod tests {
    use cortex_domain::ErrorCode;

    use super::*;

    #[test]
    fn every_problem_has_its_exit_code() {
        let expected = |kind: ErrorCode| match kind {
            ErrorCode::Unauthenticated | ErrorCode::Denied => Exit::NotPermitted,
            ErrorCode::Conflict => Exit::Negative,
            ErrorCode::SlowReader
            | ErrorCode::Overloaded
            | ErrorCode::WorkerFailed
            | ErrorCode::OriginAway
            | ErrorCode::Unavailable
            | ErrorCode::Timeout
            | ErrorCode::StorageFull => Exit::Unavailable,
            ErrorCode::Internal => Exit::Broken,
            _ => Exit::BadInput,
        };
        for &kind in ErrorCode::ALL {
            assert_eq!(exit_of_status(cortex_api::problem::status(kind)), expected(kind), "{}", kind.slug());
        }
    }

    #[test]
    fn an_error_of_a_call_keeps_its_exit_code_on_its_way_up() {
        fn call() -> Result<(), Failure> {
            Err(CallError::Unreachable { url: "http://a".into(), cause: "refused".into() })?
        }
        assert_eq!(call().unwrap_err().exit, Exit::Unavailable);
    }
}
