//! The signed text.

use super::{Ambiguous, Head};
use cortex_api::headers::{self, SIGNATURE};

const VERSION: &str = "cortex-signature-v2";

/// Returns the headers that a signature covers, in lower case, without the signature. Values of a
/// repeated list are joined in their order, because hops may join them.
pub(super) fn covered<N: AsRef<str>, V: AsRef<[u8]>>(
    headers: impl IntoIterator<Item = (N, V)>,
) -> Result<Vec<(String, String)>, Ambiguous> {
    let mut covered: Vec<(String, String)> = Vec::new();
    for (name, value) in headers {
        let name = name.as_ref().to_ascii_lowercase();
        if !headers::is_signed(&name) || name == SIGNATURE {
            continue;
        }
        let value = std::str::from_utf8(value.as_ref()).map_err(|_| Ambiguous("header"))?.trim();
        match covered.iter_mut().find(|(known, _)| *known == name) {
            None => covered.push((name, value.to_owned())),
            Some((_, before)) if headers::is_list(&name) => {
                before.push_str(", ");
                before.push_str(value);
            }
            Some(_) => return Err(Ambiguous("repeated header")),
        }
    }
    Ok(covered)
}

pub(super) fn text(head: &Head<'_>, mut covered: Vec<(String, String)>) -> Result<String, Ambiguous> {
    covered.sort();
    let mut text = String::with_capacity(512);
    let parts = [
        ("version", VERSION),
        ("method", head.method),
        ("path", head.path),
        ("query", head.query),
        ("content type", head.content_type),
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
