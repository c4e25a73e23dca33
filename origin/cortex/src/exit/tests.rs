use std::fmt::Write;
use std::path::PathBuf;

use cortex_client::ApiError;
use cortex_domain::ErrorCode;
use reqwest::StatusCode;

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

fn api_error(status: u16, slug: Option<&str>, detail: &str) -> CallError {
    CallError::Refused(ApiError {
        status: StatusCode::from_u16(status).unwrap(),
        slug: slug.map(str::to_owned),
        detail: detail.to_owned(),
        retry_after: None,
    })
}

/// Returns a failure of each kind with a message of this command or its client.
fn own() -> Vec<Failure> {
    let url = || "http://127.0.0.1:8787".to_owned();
    let calls = [
        CallError::InvalidAddress {
            text: "localhost".into(),
            reason: "expected http://HOST:PORT or https://HOST".into(),
        },
        CallError::Unreachable { url: url(), cause: "Connection refused (os error 111)".into() },
        CallError::InvalidResponse { url: url(), cause: "expected value at line 1 column 1".into() },
        CallError::InvalidRequest("builder error".into()),
        api_error(401, None, "empty response"),
        api_error(404, None, "<h1> Not found"),
        api_error(502, None, "<h1> Bad gateway"),
    ];
    let problems = ErrorCode::ALL.iter().map(|&code| {
        api_error(cortex_api::problem::status(code), Some(code.slug()), "the detail from the server")
    });
    let mut failures: Vec<Failure> = calls.into_iter().chain(problems).map(Failure::from).collect();
    failures.extend([
        Failure::from(HomeError::Unknown),
        Failure::from(HomeError::Make { folder: file(), cause: io() }),
        Failure::from(HomeError::Open { folder: file(), mode: 0o755 }),
        Failure::defect("the edge created a key but did not return it"),
        crate::output::unwritable(&std::io::Error::from_raw_os_error(28)),
        crate::target::not_running(),
    ]);
    failures
}

/// Returns failures with a message of another crate, with the name of their kind.
fn foreign() -> Vec<(&'static str, Failure)> {
    vec![
        ("io::Error", io().into()),
        ("serde_json::Error", serde_json::from_str::<u8>("x").unwrap_err().into()),
        ("ReadlineError", rustyline::error::ReadlineError::Io(io()).into()),
        ("HomeError::Io", HomeError::Io(io()).into()),
        ("SecretsError::Form", SecretsError::Form { file: file(), line: 3 }.into()),
        ("SecretsError::File", SecretsError::File { file: file(), cause: io() }.into()),
        ("SecretsError::Keep", SecretsError::Keep(io()).into()),
        ("IdentityFileError::File", IdentityFileError::File { file: file(), cause: io() }.into()),
        ("IdentityFileError::Half", IdentityFileError::Half { missing: file(), there: file() }.into()),
        ("WorkerTokensError::File", WorkerTokensError::File { file: file(), cause: io() }.into()),
        ("WorkerTokensError::Exists", WorkerTokensError::Exists("box".parse().unwrap()).into()),
        ("WorkerTokensError::Local", WorkerTokensError::Local("local.box".parse().unwrap()).into()),
        ("WorkerTokensError::Unknown", WorkerTokensError::Unknown("box".parse().unwrap()).into()),
        ("WorkerTokensError::Full", WorkerTokensError::Full.into()),
        ("WorkerTokensError::NoPool", WorkerTokensError::NoPool.into()),
        ("BuildError::Roles", BuildError::Roles(cortex_node::RolesError::NoNode).into()),
        ("BuildError::Secrets", BuildError::Secrets(SecretsError::Keep(io())).into()),
        ("BuildError::Io", BuildError::Io(io()).into()),
    ]
}

fn io() -> std::io::Error {
    std::io::Error::other("disk failure")
}

fn file() -> PathBuf {
    PathBuf::from("/home/me/.cortex/file")
}

/// `CORTEX_BLESS=1` writes the file after an intended change.
#[test]
fn every_failure_names_what_helps() {
    let mut text = String::new();
    let own = own().into_iter().map(|failure| (format!("{:#}", failure.error), failure));
    let foreign = foreign().into_iter().map(|(kind, failure)| (format!("<{kind}>"), failure));
    for (message, failure) in own.chain(foreign) {
        writeln!(text, "{}: {message}\n  help: {}", failure.exit.code(), failure.help).unwrap();
    }
    let file = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/src/exit/failures.txt"));
    if std::env::var_os("CORTEX_BLESS").is_some() {
        std::fs::write(&file, &text).unwrap();
    }
    assert_eq!(text, std::fs::read_to_string(file).unwrap());
}

#[test]
fn an_unknown_configuration_key_is_named_with_its_file_and_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("timeouts.yaml");
    std::fs::write(&file, "lease: 10s\nlaese: 10s\n").unwrap();
    let files =
        cortex_node::Files { pools: None, timeouts: Some(file), limits: None, safety: None, models: None };
    let operator =
        cortex_node::Operator { tenant: "dev".parse().unwrap(), api_key: None, allowed_hosts: Vec::new() };
    let failure = Failure::from(cortex_node::Config::load(&files, None, operator).err().unwrap());
    let text = format!("{:#}", failure.error);
    assert_eq!(failure.exit, Exit::Config);
    assert!(text.contains("timeouts.yaml:2") && text.contains("laese"), "{text}");
}
