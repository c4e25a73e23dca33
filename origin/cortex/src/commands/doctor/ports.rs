//! The ports that `cortex up` listens on.

use reqwest::Url;

use super::check::Check;
use crate::config::{self, Ports};
use crate::ports::{self, PortOwner};
use crate::running::Running;

pub(super) fn checks(planned: Ports, running: Option<&Running>) -> Vec<Check> {
    let planned = [
        ("edge", planned.edge, config::EDGE_PORT.flag),
        ("API", planned.api, config::API_PORT.flag),
        ("gRPC", planned.grpc, config::GRPC_PORT.flag),
        ("metrics", planned.metrics, config::METRICS_PORT.flag),
        ("model host", planned.host, config::HOST_PORT.flag),
        ("chat host", planned.chat, config::CHAT_PORT.flag),
    ];
    let planned = planned.into_iter().filter(|(_, port, _)| *port != 0);
    planned
        .map(|(what, port, flag)| {
            let free = ports::is_free(port);
            let owner = if free { None } else { ports::find_owner(port) };
            check(what, port, flag, free, owner.as_ref(), ours(running, port))
        })
        .collect()
}

fn check(what: &str, port: u16, flag: &str, free: bool, owner: Option<&PortOwner>, ours: bool) -> Check {
    let name = format!("port {port} ({what})");
    if free {
        return Check::ok(name, "free");
    }
    if ours {
        return Check::ok(name, "in use by the running CortexOS");
    }
    let found = match owner {
        Some(owner) => format!("in use by {owner}"),
        None => "in use by a process of another user".into(),
    };
    Check::fail(name, found, format!("stop that process, or choose another port with {flag}"))
}

fn ours(running: Option<&Running>, port: u16) -> bool {
    let Some(running) = running else { return false };
    let others = [&running.grpc, &running.metrics, &running.edge, &running.host, &running.chat_host];
    let urls = others.into_iter().map(Option::as_ref).chain([Some(&running.origin)]);
    urls.flatten().any(|url| url.parse::<Url>().is_ok_and(|url| url.port() == Some(port)))
}

#[cfg(test)]
mod tests {
    use super::super::check::Outcome;
    use super::*;

    #[test]
    fn a_port_is_ok_if_it_is_free_or_ours() {
        assert_eq!(check("API", 8080, "--api-port", true, None, false).outcome, Outcome::Ok);
        assert_eq!(check("API", 8080, "--api-port", false, None, true).outcome, Outcome::Ok);
    }

    #[test]
    fn the_owner_of_a_port_is_named() {
        let owner = PortOwner { pid: 812, name: "node".into() };
        let check = check("edge", 8787, "--edge-port", false, Some(&owner), false);
        assert_eq!((check.outcome, check.found.as_str()), (Outcome::Fail, "in use by node (pid 812)"));
        assert!(check.hint.unwrap().contains("--edge-port"));
    }

    #[test]
    fn our_ports_are_those_of_our_addresses() {
        let running = Running {
            pid: 1,
            origin: "http://127.0.0.1:8080".into(),
            grpc: Some("http://127.0.0.1:50052".into()),

            metrics: None,
            edge: None,
            host: Some("http://127.0.0.1:8081".into()),
            chat_host: None,
            processes: vec![],
        };
        assert!([8080, 8081, 50052].into_iter().all(|port| ours(Some(&running), port)));
        assert!(!ours(Some(&running), 8787) && !ours(None, 8080));
    }
}
