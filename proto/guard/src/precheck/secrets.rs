//! Texts that look like credentials. One pass over the bytes; a rule is tried only where its prefix stands
//! at the start of a word, so the work is bounded by the length of the text.

/// A credential: a fixed prefix, then at least so many characters of a token.
struct Rule {
    kind: &'static str,
    prefix: &'static str,
    least: usize,
    token: fn(u8) -> bool,
    /// Whether the token must look random: a digit and an upper-case letter at least.
    random: bool,
}

const fn rule(kind: &'static str, prefix: &'static str, least: usize, token: fn(u8) -> bool) -> Rule {
    Rule { kind, prefix, least, token, random: false }
}

const RULES: [Rule; 21] = [
    rule("aws-access-key", "AKIA", 16, upper_or_digit),
    rule("aws-access-key", "ASIA", 16, upper_or_digit),
    rule("github-token", "ghp_", 36, alphanumeric),
    rule("github-token", "gho_", 36, alphanumeric),
    rule("github-token", "ghu_", 36, alphanumeric),
    rule("github-token", "ghs_", 36, alphanumeric),
    rule("github-token", "ghr_", 36, alphanumeric),
    rule("github-token", "github_pat_", 50, word),
    rule("anthropic-key", "sk-ant-", 20, url_safe),
    rule("openai-key", "sk-proj-", 20, url_safe),
    Rule { random: true, ..rule("openai-key", "sk-", 20, url_safe) },
    rule("slack-token", "xoxb-", 10, url_safe),
    rule("slack-token", "xoxp-", 10, url_safe),
    rule("slack-token", "xoxa-", 10, url_safe),
    rule("slack-token", "xoxs-", 10, url_safe),
    rule("slack-token", "xapp-", 10, url_safe),
    rule("google-api-key", "AIza", 35, url_safe),
    rule("stripe-key", "sk_live_", 16, alphanumeric),
    rule("stripe-key", "rk_live_", 16, alphanumeric),
    rule("cortex-key", "ctx_", 56, url_safe),
    rule("jwt", "eyJ", 20, dotted),
];

const PEM: &str = "-----BEGIN ";

/// The kind of the first credential in a text.
pub(super) fn kind(text: &str) -> Option<&'static str> {
    let bytes = text.as_bytes();
    (0..bytes.len()).filter(|&at| may_start(bytes, at)).find_map(|at| kind_at(&bytes[at..]))
}

/// Whether a rule could begin here: the prefilter.
fn may_start(bytes: &[u8], at: usize) -> bool {
    matches!(bytes[at], b'A' | b'g' | b's' | b'r' | b'x' | b'c' | b'e' | b'-')
        && (at == 0 || !bytes[at - 1].is_ascii_alphanumeric())
}

fn kind_at(bytes: &[u8]) -> Option<&'static str> {
    if bytes.starts_with(PEM.as_bytes()) {
        return is_private_key(&bytes[PEM.len()..]).then_some("private-key");
    }
    RULES.iter().find(|rule| matches(rule, bytes)).map(|rule| rule.kind)
}

fn matches(rule: &Rule, bytes: &[u8]) -> bool {
    let Some(rest) = bytes.strip_prefix(rule.prefix.as_bytes()) else { return false };
    // Long enough to tell; a token without end must not make the scan quadratic.
    let length = rest.iter().take(4096).take_while(|b| (rule.token)(**b)).count();
    let token = &rest[..length];
    length >= rule.least
        && (!rule.random
            || (token.iter().any(u8::is_ascii_digit) && token.iter().any(u8::is_ascii_uppercase)))
        && (rule.kind != "jwt" || is_jwt(token))
}

/// Whether `PRIVATE KEY-----` ends the label of this PEM block (RFC 7468).
fn is_private_key(label: &[u8]) -> bool {
    let line = label
        .iter()
        .take(40)
        .take_while(|b| b.is_ascii_uppercase() || matches!(**b, b' ' | b'0'..=b'9'))
        .count();
    let (label, rest) = label.split_at(line);
    label.ends_with(b"PRIVATE KEY") && rest.starts_with(b"-----")
        || label.ends_with(b"PRIVATE KEY BLOCK") && rest.starts_with(b"-----")
}

/// Header and payload are JSON objects in base64url, and there is a signature.
fn is_jwt(token: &[u8]) -> bool {
    let mut parts = token.split(|b| *b == b'.');
    let (header, payload, signature) = (parts.next(), parts.next(), parts.next());
    header.is_some_and(|part| part.len() >= 10)
        && payload.is_some_and(|part| part.starts_with(b"eyJ"))
        && signature.is_some_and(|part| part.len() >= 16)
}

fn upper_or_digit(b: u8) -> bool {
    b.is_ascii_uppercase() || b.is_ascii_digit()
}

fn alphanumeric(b: u8) -> bool {
    b.is_ascii_alphanumeric()
}

fn word(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b == b'_'
}

fn url_safe(b: u8) -> bool {
    word(b) || b == b'-'
}

fn dotted(b: u8) -> bool {
    url_safe(b) || b == b'.'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_known_by_their_looks() {
        let (a, d) = ("aB3".repeat(20), "A1".repeat(8));
        for (expected, text) in [
            ("aws-access-key", format!("key={d} AKIA{d}.")),
            ("github-token", format!("(ghp_{})", &a[..36])),
            ("github-token", format!("github_pat_{a}")),
            ("openai-key", format!("sk-{}", &a[..48])),
            ("openai-key", format!("sk-proj-{}", &a[..48])),
            ("anthropic-key", format!("\"sk-ant-api03-{}\"", &a[..40])),
            ("slack-token", format!("xoxb-1234567890-{}", &a[..24])),
            ("google-api-key", format!("?key=AIza{}", &a[..35])),
            ("stripe-key", format!("sk_live_{}", &a[..24])),
            ("cortex-key", format!("Bearer ctx_abcdefghijkl_{}", &a[..43])),
            ("jwt", format!("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.{}", &a[..43])),
            ("private-key", "-----BEGIN RSA PRIVATE KEY-----\nMII".into()),
            ("private-key", "x\n-----BEGIN PRIVATE KEY-----".into()),
        ] {
            assert_eq!(kind(&text), Some(expected), "{text}");
        }
    }

    #[test]
    fn plain_texts_pass() {
        for text in [
            "",
            "AKIA is a prefix of keys",
            "MAKIAAAAAAAAAAAAAAAAAA",
            "a risk-free-investment-without-any-doubt-2024",
            "sk-learn-is-a-library-for-machines",
            "ghp_short",
            "-----BEGIN CERTIFICATE-----",
            "-----BEGIN PUBLIC KEY-----",
            "eyJhbGciOiJIUzI1NiJ9 alone",
            "ctx_switch",
            "日本語 AKIA日本語",
        ] {
            assert_eq!(kind(text), None, "{text}");
        }
    }
}
