//! The text that is signed.

use sha2::{Digest, Sha256};

use super::{Ambiguous, Request};
use crate::headers::{self, SIGNATURE};
use crate::hex;

const VERSION: &str = "cortex-signature-v1";

/// The headers a signature covers, in lower case, without the signature.
pub(super) fn covered<N: AsRef<str>, V: AsRef<[u8]>>(
    headers: impl IntoIterator<Item = (N, V)>,
) -> Result<Vec<(String, String)>, Ambiguous> {
    let mut covered = Vec::new();
    for (name, value) in headers {
        let name = name.as_ref().to_ascii_lowercase();
        if headers::is_cortex(&name) && name != SIGNATURE {
            let value = std::str::from_utf8(value.as_ref()).map_err(|_| Ambiguous("header"))?;
            covered.push((name, value.trim().to_owned()));
        }
    }
    Ok(covered)
}

pub(super) fn text(request: &Request<'_>, mut covered: Vec<(String, String)>) -> Result<String, Ambiguous> {
    covered.sort();
    if covered.windows(2).any(|pair| pair[0].0 == pair[1].0) {
        return Err(Ambiguous("repeated header"));
    }
    let digest = hex::encode(&Sha256::digest(request.body));
    let mut text = String::with_capacity(256);
    let parts = [
        ("version", VERSION),
        ("method", request.method),
        ("path", request.path),
        ("query", request.query),
        ("content type", request.content_type),
        ("body", &digest),
    ];
    for (what, part) in parts {
        line(&mut text, part, what)?;
    }
    for (name, value) in &covered {
        line(&mut text, &format!("{name}:{value}"), "header")?;
    }
    Ok(text)
}

fn line(text: &mut String, part: &str, what: &'static str) -> Result<(), Ambiguous> {
    if part.bytes().any(|b| b.is_ascii_control()) {
        return Err(Ambiguous(what));
    }
    text.push_str(part);
    text.push('\n');
    Ok(())
}
