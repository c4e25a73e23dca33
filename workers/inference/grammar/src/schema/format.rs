//! Formats as patterns that match nothing a validator refuses: real calendar days, no leap seconds, lengths within the RFCs.

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
/// At most 247 characters in labels of at most 61; no two hyphens in a row, as that marks an encoded label.
const HOSTNAME: &str = "[A-Za-z0-9](?:-?[A-Za-z0-9]){0,30}(?:\\.[A-Za-z0-9](?:-?[A-Za-z0-9]){0,30}){0,3}";
const LOCAL_PART: &str = "[A-Za-z0-9!#$%&'*+/=?^_{|}~-]{1,20}(?:\\.[A-Za-z0-9!#$%&'*+/=?^_{|}~-]{1,20}){0,2}";
const IPV4: &str =
    r"(?:(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])\.){3}(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])";
const UUID: &str = "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}";
const PATH: &str = "(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})";
const QUERY: &str = "(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*";

/// The pattern of a format, from beginning to end; `None` for formats that aren't known.
pub(super) fn pattern(name: &str) -> Option<String> {
    let pattern = match name {
        "date" => DATE.to_owned(),
        "time" => TIME.to_owned(),
        "date-time" => format!("{DATE}T{TIME}"),
        "duration" => format!("P(?:{DAYS}(?:{HOURS})?|{HOURS}|[0-9]{{1,6}}W)"),
        "email" => format!("{LOCAL_PART}@{HOSTNAME}"),
        "hostname" => HOSTNAME.to_owned(),
        "ipv4" => IPV4.to_owned(),
        "ipv6" => ipv6(),
        "uuid" => UUID.to_owned(),
        "uri" => format!(
            "[A-Za-z][A-Za-z0-9+.-]{{0,30}}:(?://{HOSTNAME}(?::[0-9]{{1,4}})?(?:/{PATH}*)*|{PATH}+(?:/{PATH}*)*)(?:\\?{QUERY})?(?:#{QUERY})?"
        ),
        _ => return None,
    };
    Some(format!("^(?:{pattern})$"))
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
