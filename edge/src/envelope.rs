//! A job on its way to the origin, as it is stored in the ledger and sent through the queue: a line
//! of JSON, then the original body. A body too large for a queue message is offloaded, and only the
//! line is sent.

use cortex_api::hops;
use cortex_api::trace::Traceparent;
use cortex_domain::id::JobId;
use cortex_domain::job::Hop;
use cortex_guard::keys::Caller;
use serde::{Deserialize, Serialize};

/// The longest text that goes through the queue, in bytes. A message may have 128 KB.
pub(crate) const MAX_INLINE: usize = 120_000;

/// The data of a job for the origin, without its body.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Envelope {
    #[serde(with = "cortex_api::text")]
    pub(crate) job: JobId,
    pub(crate) tenant: String,
    pub(crate) principal: String,
    pub(crate) roles: Vec<String>,
    pub(crate) content_type: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) idempotency_key: Option<String>,
    pub(crate) traceparent: String,
    /// The value of the `cortex-hops` header.
    pub(crate) hops: String,
    /// The value of the `cortex-flags` header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) flags: Option<String>,
    /// Whether the body lies in R2 under the job's id.
    #[serde(rename = "parked")]
    pub(crate) offloaded: bool,
}

/// Why a message is not a valid envelope.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Malformed(pub(crate) String);

impl Envelope {
    /// Sets the caller according to the ledger.
    pub(crate) fn by(mut self, caller: &Caller) -> Self {
        self.tenant = caller.tenant.to_string();
        self.principal = caller.principal.to_string();
        self.roles = caller.roles.iter().map(ToString::to_string).collect();
        self
    }

    /// Returns the id of the trace, or an empty text without one.
    pub(crate) fn trace_id(&self) -> String {
        let parsed = self.traceparent.parse::<Traceparent>();
        parsed.map(|traceparent| traceparent.trace_id().to_owned()).unwrap_or_default()
    }

    pub(crate) fn add_hop(&mut self, hop: Hop) {
        let hop = hops::encode(&[hop]);
        let comma = if self.hops.is_empty() { "" } else { "," };
        self.hops = format!("{}{comma}{hop}", self.hops);
    }

    /// Encodes the message. The body is omitted if it is offloaded.
    pub(crate) fn encode(&self, body: &str) -> Result<String, serde_json::Error> {
        let line = serde_json::to_string(self)?;
        Ok(if self.offloaded { line } else { format!("{line}\n{body}") })
    }

    /// Decodes a message into the envelope, and the body unless it is offloaded.
    pub(crate) fn decode(text: &str) -> Result<(Self, Option<&str>), Malformed> {
        let (line, body) = text.split_once('\n').map_or((text, None), |(line, body)| (line, Some(body)));
        let envelope: Self = serde_json::from_str(line).map_err(|error| Malformed(error.to_string()))?;
        match (envelope.offloaded, body) {
            (true, None) | (false, Some(_)) => Ok((envelope, body)),
            _ => Err(Malformed(
                "the body is missing, and the envelope does not say that it was offloaded".to_owned(),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use cortex_domain::time::Timestamp;

    use super::*;

    fn envelope(offloaded: bool) -> Envelope {
        let mut envelope = Envelope {
            job: JobId::mint(Timestamp::from_millis(1), [7; 10]),
            tenant: "acme".into(),
            principal: "ci".into(),
            roles: vec!["SRE".into()],
            content_type: "application/json".into(),
            idempotency_key: None,
            traceparent: "00-".into(),
            hops: String::new(),
            flags: Some("email".into()),
            offloaded,
        };
        envelope.add_hop(Hop { name: "edge.received".into(), at: Timestamp::from_millis(1) });
        envelope.add_hop(Hop { name: "edge.ledger".into(), at: Timestamp::from_millis(2) });
        envelope
    }

    #[test]
    fn a_body_keeps_its_bytes() {
        let body = "{\n\"a\": \"\\n\u{2028}\"}\n";
        let text = envelope(false).encode(body).unwrap();
        assert_eq!(Envelope::decode(&text), Ok((envelope(false), Some(body))));
        assert_eq!(envelope(false).hops, "edge.received=1,edge.ledger=2");
    }

    #[test]
    fn the_caller_replaces_the_one_in_the_message() {
        let caller = Caller {
            key: "aaaaaaaaaaaa".parse().unwrap(),
            tenant: "globex".parse().unwrap(),
            principal: "jo".parse().unwrap(),
            roles: vec![],
        };
        let envelope = envelope(false).by(&caller);
        assert_eq!((&*envelope.tenant, &*envelope.principal, envelope.roles.len()), ("globex", "jo", 0));
    }

    #[test]
    fn an_offloaded_body_does_not_travel() {
        let text = envelope(true).encode("body").unwrap();
        assert_eq!(Envelope::decode(&text), Ok((envelope(true), None)));
    }

    #[test]
    fn other_texts_are_malformed() {
        let headless = envelope(false).encode("").unwrap();
        for bad in ["", "{}", "not json\nbody", headless.trim_end()] {
            assert!(Envelope::decode(bad).is_err(), "{bad}");
        }
    }
}
