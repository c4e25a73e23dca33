//! The Worker's own socket, which `wrangler dev` puts a proxy before that no deployed Worker has.

use std::fs;
use std::net::Ipv4Addr;
use std::time::Duration;

use crate::Outcome;

/// How long a socket that isn't it may keep us waiting.
const PATIENCE: Duration = Duration::from_secs(2);

/// Where the Worker listens that is public at `public`: the other socket of this machine's loopback that takes its key.
pub(crate) async fn behind(public: u16, key: &str) -> Outcome<u16> {
    let client = reqwest::Client::builder().timeout(PATIENCE).build()?;
    for port in listening()?.into_iter().filter(|port| *port != public) {
        let asked = client.get(format!("http://127.0.0.1:{port}/v1/models")).bearer_auth(key).send().await;
        if asked.is_ok_and(|answer| answer.status() == 200) {
            return Ok(port);
        }
    }
    Err("the Worker has no socket of its own".into())
}

/// The ports that listen on loopback.
fn listening() -> Outcome<Vec<u16>> {
    const LISTEN: &str = "0A";
    let table = fs::read_to_string("/proc/net/tcp")?;
    let sockets = table.lines().skip(1).filter_map(|line| {
        let mut fields = line.split_whitespace().skip(1);
        let (address, state) = (fields.next()?, fields.nth(1)?);
        let (host, port) = address.split_once(':')?;
        let host = Ipv4Addr::from(u32::from_str_radix(host, 16).ok()?.to_le_bytes());
        (state == LISTEN && host.is_loopback()).then(|| u16::from_str_radix(port, 16).ok())?
    });
    Ok(sockets.collect())
}
