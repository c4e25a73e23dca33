//! Chooses the API to call, and the key, where the command line names none.

use crate::args::{ApiArgs, EdgeArgs};
use crate::exit::{Exit, Failure};
use crate::running::Running;
use cortex_client::{Admin, Api};
use cortex_node::{Home, Secrets, keyring};

const NOT_RUNNING: &str = "CortexOS is not running on this machine";

/// Returns a client of the API that `args` name, or of the one that runs on this machine.
///
/// # Errors
/// Returns an error if `args` name no API and none runs here, or if there is no key for it.
pub(crate) fn api(home: &Home, args: &ApiArgs) -> Result<Api, Failure> {
    let running = Running::read(home);
    let url = match (&args.url, &running) {
        (Some(url), _) => url.clone(),
        (None, Some(running)) => running.edge.clone().unwrap_or_else(|| running.origin.clone()),
        (None, None) => return Err(not_running_or_named("--url")),
    };
    let key = match &args.key {
        Some(key) => key.clone(),
        None => stored_key(home, &url, running.as_ref())?,
    };
    Ok(Api::new(&url, &key)?)
}

/// Returns a client of the admin route of the edge that `args` name, or of the one that runs on
/// this machine.
///
/// # Errors
/// Returns an error if `args` name no edge and none runs here, or if the signing keys are invalid.
pub(crate) fn admin(home: &Home, args: &EdgeArgs) -> Result<Admin, Failure> {
    let edge = args.edge_url.clone().or_else(|| Running::read(home)?.edge);
    let edge = edge.ok_or_else(|| not_running_or_named("--edge-url"))?;
    let keys = match &args.origin_keys {
        Some(text) => keyring("--origin-keys", text)?,
        None => Secrets::open(home)?.origin_keyring()?,
    };
    Ok(Admin::new(&edge, keys)?)
}

/// Returns the key in the home folder for a URL. Only the CortexOS that runs here gets it.
fn stored_key(home: &Home, url: &str, running: Option<&Running>) -> Result<String, Failure> {
    let secrets = Secrets::open(home)?;
    match running_endpoint(url, running) {
        Some(RunningEndpoint::Origin) => Ok(secrets.api_key),
        Some(RunningEndpoint::Edge) => secrets.dev_key.ok_or_else(|| {
            let help =
                "create a key with `cortex keys create --principal NAME`, and pass it with --key @FILE";
            Failure::message(Exit::NotPermitted, "there is no development key for the edge", help)
        }),
        None => {
            let help = "pass the key with --key @FILE or CORTEX_API_KEY";
            Err(Failure::message(Exit::NotPermitted, format!("missing API key for {url}"), help))
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum RunningEndpoint {
    Edge,
    Origin,
}

/// Returns which endpoint of the running CortexOS a URL is, if it is one.
fn running_endpoint(url: &str, running: Option<&Running>) -> Option<RunningEndpoint> {
    let same = |other: &str| url.trim_end_matches('/') == other.trim_end_matches('/');
    let running = running?;
    if running.edge.as_deref().is_some_and(same) {
        Some(RunningEndpoint::Edge)
    } else {
        same(&running.origin).then_some(RunningEndpoint::Origin)
    }
}

/// Returns the error for a command that needs the CortexOS of this machine.
pub(crate) fn not_running() -> Failure {
    Failure::message(Exit::Unavailable, NOT_RUNNING, "start CortexOS with `cortex up`")
}

fn not_running_or_named(flag: &str) -> Failure {
    let help = format!("start CortexOS with `cortex up`, or pass the address of another one with {flag} URL");
    Failure::message(Exit::Unavailable, NOT_RUNNING, help)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn home() -> (tempfile::TempDir, Home) {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::open(Some(folder.path().join("home"))).unwrap();
        (folder, home)
    }

    fn running(edge: Option<&str>) -> Running {
        Running {
            pid: std::process::id(),
            origin: "http://127.0.0.1:8080".into(),
            grpc: None,
            metrics: None,
            edge: edge.map(str::to_owned),
            host: None,
            chat_host: None,
            processes: vec![],
        }
    }

    fn api_args(url: Option<&str>, key: Option<&str>) -> ApiArgs {
        ApiArgs { url: url.map(str::to_owned), key: key.map(str::to_owned) }
    }

    #[test]
    fn with_nothing_running_the_help_names_the_start() {
        let (_folder, home) = home();
        let failure = api(&home, &api_args(None, None)).unwrap_err();
        assert_eq!(failure.exit, Exit::Unavailable);
        assert!(failure.help.contains("cortex up"));
    }

    #[test]
    fn stored_keys_are_not_sent_to_another_address() {
        let (_folder, home) = home();
        running(None).write(&home).unwrap();
        assert!(api(&home, &api_args(None, None)).is_ok());
        assert!(api(&home, &api_args(Some("http://127.0.0.1:8080/"), None)).is_ok());
        let failure = api(&home, &api_args(Some("http://127.0.0.1:8080.evil.example"), None)).unwrap_err();
        assert_eq!(failure.exit, Exit::NotPermitted);
        assert!(api(&home, &api_args(Some("http://evil.example"), Some("own"))).is_ok());
    }

    #[test]
    fn the_running_endpoint_is_recognised_by_its_address() {
        let running = running(Some("http://127.0.0.1:8787"));
        assert_eq!(running_endpoint("http://127.0.0.1:8787", Some(&running)), Some(RunningEndpoint::Edge));
        assert_eq!(running_endpoint("http://127.0.0.1:8080", Some(&running)), Some(RunningEndpoint::Origin));
        assert_eq!(running_endpoint("http://127.0.0.1:8787", None), None);
    }
}
