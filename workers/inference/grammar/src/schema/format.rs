//! Formats as patterns that match nothing a validator rejects: real calendar days, no leap seconds,
//! lengths within the RFCs.

const DATE: &str = concat!(
    "(?:[0-9]{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])",
    "|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)",
    "|02-(?:0[1-9]|1[0-9]|2[0-8]))",
    "|(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)-02-29)"
);
const TIME: &str =
    r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,9})?(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])";
const DAYS: &str = "(?:[0-9]{1,6}Y(?:[0-9]{1,6}M(?:[0-9]{1,6}D)?)?|[0-9]{1,6}M(?:[0-9]{1,6}D)?|[0-9]{1,6}D)";
const HOURS: &str =
    "T(?:[0-9]{1,6}H(?:[0-9]{1,6}M(?:[0-9]{1,6}S)?)?|[0-9]{1,6}M(?:[0-9]{1,6}S)?|[0-9]{1,6}S)";
/// At most 247 characters in labels of at most 61; no consecutive hyphens, which mark an encoded
/// label.
const HOSTNAME: &str = "[A-Za-z0-9](?:-?[A-Za-z0-9]){0,30}(?:\\.[A-Za-z0-9](?:-?[A-Za-z0-9]){0,30}){0,3}";
/// Local parts and domains that mail programs and web forms accept: no consecutive punctuation, and
/// a last label of letters.
const LOCAL_PART: &str = "[A-Za-z0-9](?:[._+-]?[A-Za-z0-9]){0,30}";
const DOMAIN: &str = "(?:[A-Za-z0-9](?:-?[A-Za-z0-9]){0,30}\\.){1,3}[A-Za-z]{2,10}";
const IPV4: &str =
    r"(?:(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])\.){3}(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])";
const UUID: &str = "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}";
const PATH: &str = "(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})";
const QUERY: &str = "(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*";
/// Any text.
const ANY: &str = "(?s:.*)";

/// Simple templates: text and names in braces.
const TEMPLATE: &str = "(?:[A-Za-z0-9/._~:?=&-]|\\{[A-Za-z0-9_]{1,32}\\})*";
/// Regular expressions of letters, escapes, classes and groups that are valid by their form alone.
const REGEX: &str = concat!(
    r"\^?(?:(?:[A-Za-z0-9 _/:,;@#%&=!<>'~.-]|\\[dDwWsS.*+?()\[\]{}|^$/\\-]",
    r"|\[\^?(?:a-z|A-Z|0-9|[A-Za-z0-9_ .@/:]|\\[dwsDWS.-])+\]",
    r"|\((?:\?:)?[A-Za-z0-9_ ]+(?:\|[A-Za-z0-9_ ]+)*\))(?:[*+?]|\{[1-9]\}|\{[1-9],\})?)*\$?"
);

/// The pattern of a format and one that matches at least everything that validators accept for it,
/// both for complete texts; `None` for unknown formats, which are annotations.
pub(super) fn patterns(name: &str) -> Option<(String, String)> {
    let uri = || {
        format!(
            "[A-Za-z][A-Za-z0-9+.-]{{0,30}}:(?://{HOSTNAME}(?::[0-9]{{1,4}})?(?:/{PATH}*)*|{PATH}+(?:/{PATH}*)*)(?:\\?{QUERY})?(?:#{QUERY})?"
        )
    };
    let (enforced, wide) = match name {
        "date" => (DATE.to_owned(), "[0-9-]+"),
        "time" => (TIME.to_owned(), "[0-9:.+Zz-]+"),
        "date-time" => (format!("{DATE}T{TIME}"), "[0-9-]+[Tt ][0-9:.+Zz-]+"),
        "duration" => (format!("P(?:{DAYS}(?:{HOURS})?|{HOURS}|[0-9]{{1,6}}W)"), "P[0-9YMWDTHS.,]+"),
        "email" | "idn-email" => (format!("{LOCAL_PART}@{DOMAIN}"), "(?s:.*)@(?s:.*)"),
        "hostname" | "idn-hostname" => (HOSTNAME.to_owned(), "[^/:@ ]*"),
        "ipv4" => (IPV4.to_owned(), IPV4),
        "ipv6" => (ipv6(), "[0-9a-fA-F.]*:[0-9a-fA-F:.]*"),
        "uuid" => (UUID.to_owned(), UUID),
        "uri" | "iri" => (uri(), "[A-Za-z][A-Za-z0-9+.-]*:(?s:.*)"),
        "uri-reference" | "iri-reference" => {
            (format!("(?:{}|/?{PATH}*(?:/{PATH}+)*(?:\\?{QUERY})?(?:#{QUERY})?)", uri()), ANY)
        }
        "json-pointer" => ("(?:/(?:[^~/]|~[01])*)*".to_owned(), ANY),
        "relative-json-pointer" => ("(?:0|[1-9][0-9]{0,8})(?:#|(?:/(?:[^~/]|~[01])*)*)".to_owned(), ANY),
        "uri-template" => (TEMPLATE.to_owned(), ANY),
        "regex" => (REGEX.to_owned(), ANY),
        _ => return None,
    };
    Some((format!("^(?:{enforced})$"), format!("^(?:{wide})$")))
}

/// All eight groups, or fewer around one `::`.
fn ipv6() -> String {
    let group = "[0-9a-fA-F]{1,4}";
    let mut forms =
        vec![format!("(?:{group}:){{7}}{group}"), format!("(?:{group}:){{1,7}}:"), "::".to_owned()];
    forms.extend((1..=6).map(|before| format!("(?:{group}:){{{before}}}(?::{group}){{1,{}}}", 7 - before)));
    forms.push(format!(":(?::{group}){{1,7}}"));
    forms.join("|")
}
