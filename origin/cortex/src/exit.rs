//! Errors of commands: the exit code that each ends the process with, and the help that it ends
//! with.

mod help;

pub(crate) use cortex_platform::exit::Exit;
pub(crate) use help::{CONFIG_FILE, DEFECT};

use cortex_client::CallError;
use cortex_node::{
    BuildError, ConfigError, EnginesError, HomeError, IdentityFileError, SecretsError, WorkerTokensError,
};
use cortex_platform::telemetry::ExportError;

/// An error of a command.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    pub(crate) error: anyhow::Error,
    /// The one command or setting that helps.
    pub(crate) help: String,
}

impl Failure {
    /// Returns a failure with the causes of `error`.
    pub(crate) fn new(exit: Exit, error: impl Into<anyhow::Error>, help: impl Into<String>) -> Self {
        Self { exit, error: error.into(), help: help.into() }
    }

    /// Returns a failure with a message of its own.
    pub(crate) fn message(exit: Exit, message: impl std::fmt::Display, help: impl Into<String>) -> Self {
        Self { exit, error: anyhow::anyhow!("{message}"), help: help.into() }
    }

    /// Returns a failure that only a fault in CortexOS can cause.
    pub(crate) fn defect(message: impl std::fmt::Display) -> Self {
        Self::message(Exit::Broken, message, DEFECT)
    }
}

/// Errors that mean that something in CortexOS or on this machine broke. The list is explicit, so
/// that `?` can't give this exit code to an error that has its own.
macro_rules! broken {
    ($($error:ty => $help:expr),+ $(,)?) => {
        $(impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self::new(Exit::Broken, error, $help)
            }
        })+
    };
}

broken! {
    std::io::Error => help::CHECK_MACHINE,
    serde_json::Error => DEFECT,
    tokio::task::JoinError => DEFECT,
    reqwest::Error => help::CHECK_MACHINE,
    rustyline::error::ReadlineError => "run it in a terminal, or pass the prompt: `cortex chat PROMPT`",
}

impl From<ExportError> for Failure {
    fn from(error: ExportError) -> Self {
        Self::new(Exit::Config, error, "unset OTEL_EXPORTER_OTLP_ENDPOINT to start without exporting spans")
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::new(Exit::Config, error, help::CONFIG_FILE)
    }
}

impl From<EnginesError> for Failure {
    fn from(error: EnginesError) -> Self {
        Self::new(Exit::Config, error, "`cortex serve --help` describes the stores and buses")
    }
}

impl From<HomeError> for Failure {
    fn from(error: HomeError) -> Self {
        match error {
            HomeError::Io(error) => error.into(),
            HomeError::Unknown => {
                let message = "there is no home folder: this user has no HOME";
                Self::message(Exit::Config, message, "set CORTEX_HOME, or pass --home DIR")
            }
            HomeError::Make { folder, cause } => {
                let message = format!("can't create the folder {}: {cause}", folder.display());
                Self::message(Exit::Config, message, "choose another folder with CORTEX_HOME or --home DIR")
            }
            HomeError::Open { folder, mode } => {
                let folder = folder.display();
                let message = format!("other users can read {folder} (mode {mode:o})");
                let help = format!("run `chmod 700 {folder}`, or choose another folder with CORTEX_HOME");
                Self::message(Exit::Config, message, help)
            }
        }
    }
}

impl From<SecretsError> for Failure {
    fn from(error: SecretsError) -> Self {
        let exit = if error.is_of_the_configuration() { Exit::Config } else { Exit::Broken };
        let help = help::of_secrets(&error);
        Self::new(exit, error, help)
    }
}

impl From<IdentityFileError> for Failure {
    fn from(error: IdentityFileError) -> Self {
        let help = help::of_identity(&error);
        Self::new(Exit::Config, error, help)
    }
}

impl From<WorkerTokensError> for Failure {
    fn from(error: WorkerTokensError) -> Self {
        let exit = if error.is_of_the_request() { Exit::BadInput } else { Exit::Config };
        let help = help::of_worker_tokens(&error);
        Self::new(exit, error, help)
    }
}

impl From<BuildError> for Failure {
    fn from(error: BuildError) -> Self {
        let exit = if error.is_of_the_configuration() {
            Exit::Config
        } else if error.is_of_a_server() {
            Exit::Unavailable
        } else {
            Exit::Broken
        };
        let help = help::of_build(&error);
        Self::new(exit, error, help)
    }
}

impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        let (exit, help) = (exit_of_call(&error), help::of_call(&error));
        Self::new(exit, error, help)
    }
}

/// Returns the exit code of a call that failed.
pub(crate) fn exit_of_call(error: &CallError) -> Exit {
    match error {
        CallError::InvalidAddress { .. } => Exit::BadInput,
        CallError::Unreachable { .. } => Exit::Unavailable,
        CallError::Refused(error) => exit_of_status(error.status.as_u16()),
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
mod tests;
