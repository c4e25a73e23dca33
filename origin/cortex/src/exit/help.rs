//! The help that an error ends with: the one command or setting that a user needs next.

use cortex_client::{ApiError, CallError};
use cortex_domain::ErrorCode;
use cortex_node::{BuildError, IdentityFileError, NatsError, SecretsError, WorkerTokensError};

/// For errors that only a fault in CortexOS can cause.
pub(crate) const DEFECT: &str =
    "this is a defect in CortexOS: report it with the output of `cortex doctor --json`";
pub(super) const CHECK_MACHINE: &str =
    "`cortex doctor` checks the disk, the ports and the programs of this machine";
pub(crate) const CONFIG_FILE: &str =
    "correct the file, or drop the option or variable that names it to use the built-in file";
pub(super) const RESTORE_FILE: &str =
    "restore the file from a backup, or delete it: the next start creates a new one";

/// Returns the help for a failed call of the API.
pub(super) fn of_call(error: &CallError) -> String {
    match error {
        CallError::InvalidAddress { .. } => {
            "pass the address of an API, for example http://127.0.0.1:8787; `cortex status` shows the local ones"
        }
        CallError::Unreachable { .. } => {
            "start CortexOS with `cortex up`, or correct the address (--url, CORTEX_URL; for keys --edge-url)"
        }
        CallError::InvalidResponse { .. } => {
            "correct the address (--url, CORTEX_URL); `cortex status` shows those of the CortexOS on this machine"
        }
        CallError::InvalidRequest(_) => DEFECT,
        CallError::Refused(error) => return of_api_error(error).to_owned(),
    }
    .to_owned()
}

fn of_api_error(error: &ApiError) -> &'static str {
    const KEY: &str = "pass a valid key with --key @FILE or CORTEX_API_KEY; `cortex keys create --principal NAME` creates one";
    const DENIED: &str =
        "`cortex keys list` shows the roles of a key; the policy file (--safety) says what they allow";
    const RETRY: &str = "try again later; `cortex health` shows which component is at fault";
    let code = error.slug.as_deref().and_then(|slug| slug.parse().ok());
    match code {
        Some(ErrorCode::Unauthenticated) => KEY,
        Some(ErrorCode::Denied) => DENIED,
        Some(ErrorCode::UnknownModel) => "`cortex models list` shows the models",
        Some(ErrorCode::UnknownTopic) => {
            "`cortex status` shows the topics of the workers; the pools file (--pools) lists every topic"
        }
        Some(ErrorCode::NotFound) => "`cortex jobs list` shows the ids that exist",
        Some(ErrorCode::Conflict) => "`cortex jobs get ID` shows the state of a job",
        Some(ErrorCode::StreamGone | ErrorCode::SlowReader) => {
            "`cortex jobs get ID` shows the result of a job"
        }
        Some(ErrorCode::IdempotencyMismatch) => {
            "choose another --idempotency-key, or submit the same input again"
        }
        Some(ErrorCode::SecretInInput) => "remove the credential from the input",
        Some(ErrorCode::TooLarge | ErrorCode::HeadersTooLarge) => "send a smaller input",
        Some(ErrorCode::MalformedJson | ErrorCode::TooDeep | ErrorCode::InvalidRequest) => {
            "correct the request; --help shows examples of the command"
        }
        Some(ErrorCode::MethodNotAllowed | ErrorCode::UnsupportedMediaType) => {
            "check that `cortex --version` is the version of the server"
        }
        Some(ErrorCode::StorageFull) => {
            "wait until ended jobs are deleted, or raise the tenant's share in the limits file (--limits)"
        }
        Some(ErrorCode::Internal) => "`cortex status` shows where the logs are",
        Some(
            ErrorCode::Overloaded
            | ErrorCode::WorkerFailed
            | ErrorCode::OriginAway
            | ErrorCode::Unavailable
            | ErrorCode::Timeout,
        ) => RETRY,
        None => match error.status.as_u16() {
            401 => KEY,
            403 => DENIED,
            404 => "correct the address (--url, CORTEX_URL); `cortex status` shows the local ones",
            _ => RETRY,
        },
    }
}

pub(super) fn of_secrets(error: &SecretsError) -> &'static str {
    match error {
        SecretsError::Form { .. } | SecretsError::File { .. } | SecretsError::Token(_) => RESTORE_FILE,
        SecretsError::Keyring { .. } => {
            "write the keys as `<id>:<hex>`, or drop the option to use those of this machine"
        }
        SecretsError::Keep(_) => CHECK_MACHINE,
        SecretsError::Json(_) => DEFECT,
    }
}

pub(super) fn of_identity(error: &IdentityFileError) -> &'static str {
    match error {
        IdentityFileError::File { .. } | IdentityFileError::Identity { .. } => RESTORE_FILE,
        IdentityFileError::Half { .. } => {
            "restore the missing one of link-certificate.pem and link-key.pem from a backup, or delete the other one too"
        }
        IdentityFileError::Make(_) => DEFECT,
    }
}

pub(super) fn of_worker_tokens(error: &WorkerTokensError) -> &'static str {
    match error {
        WorkerTokensError::File { .. } | WorkerTokensError::Form { .. } => {
            "correct the file, or restore it from a backup"
        }
        WorkerTokensError::Exists(_) => {
            "choose another --name; `cortex workers token list` shows those in use"
        }
        WorkerTokensError::Local(_) => "choose another --name",
        WorkerTokensError::Unknown(_) => "`cortex workers token list` shows the names",
        WorkerTokensError::Full => "remove revoked tokens from worker-tokens.json in the home folder",
        WorkerTokensError::NoPool => "name the pool with --pool POOL",
    }
}

fn of_nats(error: &NatsError) -> &'static str {
    match error {
        NatsError::NoFile { .. }
        | NatsError::File { .. }
        | NatsError::HalfCertificate
        | NatsError::TwoUsers
        | NatsError::UserInAddress => "correct NATS_CREDS, NATS_NKEY, NATS_CA, NATS_CERT and NATS_KEY",
        NatsError::Unauthorised { .. } => {
            "name a user of the server with NATS_CREDS or NATS_NKEY, or in the address in NATS_URL"
        }
        NatsError::Certificate { .. } => "name the certificate authorities of the server with NATS_CA",
        NatsError::ClientCertificate { .. } => {
            "name a certificate that the server accepts, and its key, with NATS_CERT and NATS_KEY"
        }
        NatsError::NoTls { .. } => {
            "set up TLS on the server, or use an address with nats:// and no NATS_CA and NATS_CERT"
        }
        NatsError::Address
        | NatsError::Unreachable { .. }
        | NatsError::NoJetStream { .. }
        | NatsError::OtherStream { .. } => "start the server, correct NATS_URL, or pass --bus embedded",
    }
}

pub(super) fn of_build(error: &BuildError) -> &'static str {
    match error {
        BuildError::Roles(_) => "`cortex serve all` runs every role in one process",
        BuildError::LocalKey(_) => "pass another key with --api-key @FILE or API_KEY",
        BuildError::Secrets(error) => of_secrets(error),
        BuildError::SafetyKernel(_) => {
            "correct --safety-kernel; `cortex safety` starts a kernel on 127.0.0.1:50051"
        }
        BuildError::Store(_) => "`cortex doctor` checks the home folder and its disk",
        BuildError::StoreServer(_) => {
            "start the server, correct REDIS_URL or DATABASE_URL, or pass --store sqlite"
        }
        BuildError::Nats(error) => of_nats(error),
        BuildError::Installation(_) => "restore the file `installation` in the home folder",
        BuildError::Link(_) => {
            "stop the other process, or choose another address with --link-listen or CORTEX_HOME"
        }
        BuildError::Identity(error) => of_identity(error),
        BuildError::WorkerTokens(error) => of_worker_tokens(error),
        BuildError::Serve(_) | BuildError::Bus(_) | BuildError::Edge(_) | BuildError::Io(_) => CHECK_MACHINE,
        BuildError::Task(_) => DEFECT,
    }
}
