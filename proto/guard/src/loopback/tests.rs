use super::*;

fn guard(allowed: &[&str]) -> LoopbackGuard {
    LoopbackGuard::new(8081, allowed.iter().map(|host| host.parse().unwrap()).collect())
}

fn to(host: &str) -> Sent<'_> {
    Sent { host: Header::Text(host), ..Sent::default() }
}

fn from<'a>(origin: &'a str) -> Sent<'a> {
    Sent { origin: Header::Text(origin), ..to("localhost:8081") }
}

#[test]
fn loopbacks_own_names_are_answered_with_the_right_port_or_none() {
    for host in [
        "localhost",
        "localhost:8081",
        "LocalHost:8081",
        "localhost.:8081",
        "localhost:",
        "127.0.0.1",
        "127.0.0.1:8081",
        "127.8.9.1:8081",
        "[::1]",
        "[::1]:8081",
        "[0:0:0:0:0:0:0:1]:8081",
        "[::ffff:127.0.0.1]:8081",
    ] {
        assert_eq!(guard(&[]).check(&to(host)), Ok(()), "{host}");
    }
}

#[test]
fn any_other_host_is_refused() {
    let foreign = Err(LoopbackError::ForeignHost { port: 8081 });
    for host in [
        "attacker.example",
        "attacker.example:8081",
        "localhost.attacker.example:8081",
        "127.0.0.1.nip.io:8081",
        "sub.localhost:8081",
        "localhost:80",
        "localhost:8080",
        "localhost:+8081",
        "localhost:8081:8081",
        "localhost:99999",
        "0.0.0.0:8081",
        "[::]:8081",
        "192.168.1.5:8081",
        "127.1:8081",
        "0177.0.0.1:8081",
        "2130706433:8081",
        "0x7f000001:8081",
        "::1",
        "[::1",
        "[::1%25lo]:8081",
        "[127.0.0.1]:8081",
        "user@localhost:8081",
        "localhost/:8081",
        "localhost, attacker.example",
        " localhost:8081",
        "host.docker.internal:8081",
        ".",
        "",
    ] {
        assert_eq!(guard(&[]).check(&to(host)), foreign, "{host}");
    }
}

#[test]
fn a_request_names_a_host_and_only_one() {
    let guard = guard(&[]);
    assert_eq!(guard.check(&Sent::default()), Err(LoopbackError::NoHost { port: 8081 }));
    let twice = Header::of([&b"localhost:8081"[..], b"localhost:8081"]);
    let unreadable = Sent { host: twice, ..Sent::default() };
    assert_eq!(guard.check(&unreadable), Err(LoopbackError::ForeignHost { port: 8081 }));
    // HTTP/2 names the host in the target. If both are present, both must be valid.
    let own = Header::Text("127.0.0.1:8081");
    assert_eq!(guard.check(&Sent { authority: own, ..Sent::default() }), Ok(()));
    let other = Sent { authority: Header::Text("attacker.example"), host: own, ..Sent::default() };
    assert_eq!(guard.check(&other), Err(LoopbackError::ForeignHost { port: 8081 }));
    let other = Sent { authority: own, host: Header::Text("attacker.example"), ..Sent::default() };
    assert_eq!(guard.check(&other), Err(LoopbackError::ForeignHost { port: 8081 }));
}

#[test]
fn an_allowed_host_is_accepted_and_similar_hosts_are_not() {
    let guard = guard(&["Host.Docker.Internal", "box.lan:9000", "192.168.65.254"]);
    for host in ["host.docker.internal:8081", "host.docker.internal", "box.lan:9000", "192.168.65.254:8081"] {
        assert_eq!(guard.check(&to(host)), Ok(()), "{host}");
    }
    for host in [
        "evil.host.docker.internal:8081",
        "host.docker.internal.evil.example",
        "host.docker.internal:9000",
        "box.lan:8081",
        "box.lan",
        "192.168.65.253:8081",
    ] {
        assert!(guard.check(&to(host)).is_err(), "{host}");
    }
    for host in ["", "*", "*.lan", "a b", "http://box.lan", "box.lan/", "user@box.lan", "box.lan:x"] {
        assert_eq!(host.parse::<AllowedHost>(), Err(MalformedHost), "{host}");
    }
    for host in ["box.lan:9000", "10.0.0.1", "[fe80::1]:80"] {
        assert_eq!(host.parse::<AllowedHost>().unwrap().to_string(), host);
    }
}

#[test]
fn a_page_of_another_origin_is_refused_with_any_host() {
    for origin in ["http://localhost:8081", "http://127.0.0.1:8081", "http://[::1]:8081"] {
        assert_eq!(guard(&[]).check(&from(origin)), Ok(()), "{origin}");
    }
    for origin in [
        "null",
        "",
        "https://attacker.example",
        "http://attacker.example:8081",
        "http://localhost",
        "http://localhost:3000",
        "https://localhost",
        "file://",
        "file://localhost:8081",
        "chrome-extension://abcdefgh",
        "localhost:8081",
        "http://localhost:8081/",
        "http://localhost:8081 http://attacker.example",
        "http://localhost:8081@attacker.example",
    ] {
        assert_eq!(
            guard(&[]).check(&from(origin)),
            Err(LoopbackError::ForeignOrigin { port: 8081 }),
            "{origin}"
        );
    }
    assert_eq!(guard(&["box.lan:443"]).check_origin(Header::Text("https://box.lan")), Ok(()));
}

#[test]
fn a_browser_that_names_another_site_is_refused() {
    let site = |site| guard(&[]).check(&Sent { sec_fetch_site: site, ..to("localhost:8081") });
    for own in [Header::Missing, Header::Text("none"), Header::Text("same-origin")] {
        assert_eq!(site(own), Ok(()));
    }
    let repeated = Header::of([&b"none"[..], b"cross-site"]);
    for foreign in ["cross-site", "same-site", "", "None"].map(Header::Text).into_iter().chain([repeated]) {
        assert_eq!(site(foreign), Err(LoopbackError::ForeignSite), "{foreign:?}");
    }
}

#[test]
fn a_refusal_is_403_and_says_what_was_expected_without_what_was_sent() {
    let refusal = guard(&[]).check(&to("attacker.example")).unwrap_err();
    let problem = Problem::from(refusal);
    assert_eq!(problem.status(), 403);
    assert!(problem.detail.contains("port 8081") && !problem.detail.contains("attacker"), "{problem}");
}
