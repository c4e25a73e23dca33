//! Whether the server flushes what it confirms.

use std::time::Duration;

use async_nats::client::Client;

/// The request with which the system account reads the settings of JetStream.
const SETTINGS: &str = "$SYS.REQ.SERVER.PING.JSZ";
const TIMEOUT: Duration = Duration::from_secs(1);

/// Whether a NATS server flushes every queued message before it confirms it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NatsFlush {
    Always,
    /// By `sync_interval`, which is two minutes by default.
    Sometimes,
    /// The account may not read the server's settings.
    Unknown,
}

impl NatsFlush {
    pub(super) fn warn(self, server: &str) {
        match self {
            Self::Always => {}
            Self::Sometimes => tracing::warn!(
                %server,
                "NATS may lose messages that it has confirmed: set `sync_interval: always` in its section `jetstream`. No \
                 job is lost, but it may start up to ten seconds later"
            ),
            Self::Unknown => tracing::warn!(
                %server,
                "it is unknown whether NATS flushes the messages that it confirms, because only its system account can \
                 read that. No job is lost"
            ),
        }
    }
}

pub(super) async fn read(client: &Client) -> NatsFlush {
    let request = async_nats::Request::new().payload(r#"{"config":true}"#.into()).timeout(Some(TIMEOUT));
    match client.send_request(SETTINGS, request).await {
        Ok(reply) => parse(&reply.payload),
        Err(_) => NatsFlush::Unknown,
    }
}

/// Reads the reply, in which the setting is left out where it is false.
fn parse(reply: &[u8]) -> NatsFlush {
    let text: String = String::from_utf8_lossy(reply).split_ascii_whitespace().collect();
    if text.contains("\"sync_always\":true") {
        NatsFlush::Always
    } else if text.contains("\"sync_interval\":") {
        NatsFlush::Sometimes
    } else {
        NatsFlush::Unknown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_setting_is_read_or_unknown() {
        let always = br#"{"data": {"config": {"sync_interval": 120000000000, "sync_always": true}}}"#;
        assert_eq!(parse(always), NatsFlush::Always);
        assert_eq!(parse(br#"{"data":{"config":{"sync_interval":120000000000}}}"#), NatsFlush::Sometimes);
        for other in [&b""[..], b"{}", b"\xff"] {
            assert_eq!(parse(other), NatsFlush::Unknown);
        }
    }
}
