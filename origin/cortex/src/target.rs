//! Which API to call and with what, where the command line leaves it open.

use crate::args::{ApiArgs, EdgeArgs};
use crate::exit::{Exit, Failure};
use crate::running::Running;
use cortex_client::{Admin, Api};
use cortex_node::Home;
use cortex_node::{Secrets, keyring};

/// The API that was named, or the one that runs here.
///
/// # Errors
/// If nothing was named and nothing runs, or there is no key for it.
pub(crate) fn api(home: &Home, args: &ApiArgs) -> Result<Api, Failure> {
    let running = Running::read(home);
    let url = match (&args.url, &running) {
        (Some(url), _) => url.clone(),
        (None, Some(running)) => running.edge.clone().unwrap_or_else(|| running.origin.clone()),
        (None, None) => return Err(not_running("--url")),
    };
    let key = match &args.key {
        Some(key) => key.clone(),
        None => stored_key(home, &url, running.as_ref())?,
    };
    Ok(Api::new(&url, &key)?)
}

/// The admin route of the edge that was named, or of the one that runs here.
///
/// # Errors
/// If nothing was named and nothing runs, or the signing keys are none.
pub(crate) fn admin(home: &Home, args: &EdgeArgs) -> Result<Admin, Failure> {
    let edge = args.edge_url.clone().or_else(|| Running::read(home)?.edge);
    let edge = edge.ok_or_else(|| not_running("--edge-url"))?;
    let keys = match &args.origin_keys {
        Some(text) => keyring("--origin-keys", text)?,
        None => Secrets::open(home)?.origin_keyring()?,
    };
    Ok(Admin::new(&edge, keys)?)
}

/// The kept keys are for what runs here, and go nowhere else.
fn stored_key(home: &Home, url: &str, running: Option<&Running>) -> Result<String, Failure> {
    let secrets = Secrets::open(home)?;
    match running_endpoint(url, running) {
        Some(RunningEndpoint::Origin) => Ok(secrets.api_key),
        Some(RunningEndpoint::Edge) => secrets.dev_key.ok_or_else(|| {
            let detail =
                "there is no development key: make one with `cortex keys create`, name it with --key";
            Failure::message(Exit::NotPermitted, detail)
        }),
        None => {
            let detail = format!("{url} needs a key: name it with --key or CORTEX_API_KEY");
            Err(Failure::message(Exit::NotPermitted, detail))
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum RunningEndpoint {
    Edge,
    Origin,
}

fn running_endpoint(url: &str, running: Option<&Running>) -> Option<RunningEndpoint> {
    let same = |other: &str| url.trim_end_matches('/') == other.trim_end_matches('/');
    let running = running?;
    if running.edge.as_deref().is_some_and(same) {
        Some(RunningEndpoint::Edge)
    } else {
        same(&running.origin).then_some(RunningEndpoint::Origin)
    }
}

fn not_running(flag: &str) -> Failure {
    let detail = format!("nothing runs here: start it with `cortex up`, or name one with {flag}");
    Failure::message(Exit::Unavailable, detail)
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
    fn with_nothing_running_an_address_is_asked_for() {
        let (_folder, home) = home();
        let failure = api(&home, &api_args(None, None)).unwrap_err();
        assert_eq!(failure.exit, Exit::Unavailable);
        assert!(failure.error.to_string().contains("cortex up"));
    }

    #[test]
    fn the_kept_keys_do_not_leave_for_another_place() {
        let (_folder, home) = home();
        running(None).write(&home).unwrap();
        assert!(api(&home, &api_args(None, None)).is_ok());
        assert!(api(&home, &api_args(Some("http://127.0.0.1:8080/"), None)).is_ok());
        let failure = api(&home, &api_args(Some("http://127.0.0.1:8080.evil.example"), None)).unwrap_err();
        assert_eq!(failure.exit, Exit::NotPermitted);
        assert!(api(&home, &api_args(Some("http://evil.example"), Some("own"))).is_ok());
    }

    #[test]
    fn the_edge_is_asked_where_there_is_one() {
        let running = running(Some("http://127.0.0.1:8787"));
        assert_eq!(running_endpoint("http://127.0.0.1:8787", Some(&running)), Some(RunningEndpoint::Edge));
        assert_eq!(running_endpoint("http://127.0.0.1:8080", Some(&running)), Some(RunningEndpoint::Origin));
        assert_eq!(running_endpoint("http://127.0.0.1:8787", None), None);
    }
}
