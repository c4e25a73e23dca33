use proptest::prelude::*;

use super::*;
use crate::steps;

#[test]
fn credentials_are_recognized_by_their_form() {
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
fn a_credential_behind_a_letter_or_digit_is_found() {
    let a = "aB3".repeat(20);
    for (expected, key) in [
        ("aws-access-key", "AKIAIOSFODNN7EXAMPLE".to_owned()),
        ("github-token", format!("ghp_{}", &a[..36])),
        ("github-token", format!("github_pat_{a}")),
        ("openai-key", format!("sk-{}", &a[..48])),
        ("openai-key", format!("sk-proj-{}", &a[..48])),
        ("anthropic-key", format!("sk-ant-api03-{}", &a[..40])),
        ("slack-token", format!("xoxb-1234567890-{}", &a[..24])),
        ("google-api-key", format!("AIza{}", &a[..35])),
        ("stripe-key", format!("sk_live_{}", &a[..24])),
        ("cortex-key", format!("ctx_abcdefghijkl_{}", &a[..43])),
        ("jwt", format!("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.{}", &a[..43])),
        ("private-key", "-----BEGIN EC PRIVATE KEY-----".to_owned()),
    ] {
        for before in ["x", "X", "1", "_", "é", "-", "\\n", "\\t", "%3D", "key"] {
            let text = format!("{before}{key} ");
            assert_eq!(kind(&text), Some(expected), "{text}");
        }
    }
}

#[test]
fn a_credential_split_by_invisible_characters_is_found() {
    for between in
        ["\u{200b}", "\u{ad}", "\u{200d}", "\u{2060}", "\u{feff}", "\u{202e}", "\u{fe0f}", "\0", "\u{e0041}"]
    {
        let spread: String =
            "AKIAIOSFODNN7EXAMPLE".chars().flat_map(|c| [c.to_string(), between.into()]).collect();
        assert_eq!(kind(&spread), Some("aws-access-key"), "{between:?}");
    }
    for text in [
        "ＡＫＩＡIOSFODNN7EXAMPLE",
        r"\u0041KIAIOSFODNN7EXAMPLE",
        r"\u200bAKIA\u200bIOSFODNN7EXAMPLE",
        "%41KIAIOSFODNN7EXAMPL%45",
    ] {
        assert_eq!(kind(text), Some("aws-access-key"), "{text}");
    }
}

#[test]
fn a_credential_in_letters_that_look_like_its_own_is_found() {
    let a = "aB3".repeat(20);
    for (expected, text) in [
        ("aws-access-key", "\u{410}\u{39a}I\u{391}I\u{39f}SF\u{41e}DNN7\u{415}XAMPLE".to_owned()),
        ("github-token", format!("\u{261}\u{4bb}\u{440}_{}", &a[..36])),
        ("openai-key", format!("\u{455}\u{43a}-{}", &a[..48])),
        ("openai-key", format!("s\u{3ba}-pr\u{3bf}\u{458}-{}", &a[..48])),
        ("slack-token", format!("\u{445}\u{43e}\u{445}\u{44c}-1234567890-{}", &a[..24])),
        ("stripe-key", format!("\u{455}\u{43a}_\u{4cf}\u{456}\u{475}\u{435}_{}", &a[..24])),
        ("cortex-key", format!("\u{441}\u{442}\u{445}_abcdefghijkl_{}", &a[..43])),
    ] {
        assert_eq!(kind(&text), Some(expected), "{text}");
    }
}

#[test]
fn a_credential_with_a_space_after_each_character_is_found() {
    let a = "aB3".repeat(20);
    for (expected, key) in [
        ("aws-access-key", "AKIAIOSFODNN7EXAMPLE".to_owned()),
        ("github-token", format!("ghp_{}", &a[..36])),
        ("openai-key", format!("sk-proj-{}", &a[..48])),
        ("slack-token", "xoxb-1234567890".to_owned()),
        ("jwt", format!("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.{}", &a[..43])),
    ] {
        for space in [" ", "\n", "\t", "\u{a0}", "\u{2009}", " \u{200b}"] {
            let spread = key.chars().map(String::from).collect::<Vec<_>>().join(space);
            for text in [spread.clone(), format!("the key: {spread}."), format!("\"{spread}\" is it")] {
                assert_eq!(kind(&text), Some(expected), "{text:?}");
            }
        }
    }
}

#[test]
fn plain_texts_pass() {
    for text in [
        "",
        "AKIA is a prefix of keys",
        "MAKIAAAAAAAAAAAAAAAAAA",
        "SLOVAKIANATIONALTEAMROSTER",
        "a risk-free-investment-without-any-doubt-2024",
        "a task-Based-approach-for-the-Year-2024-and-more",
        "desk-proj-2024-Q3-Budget-Planning",
        "sk-learn-is-a-library-for-machines",
        "ghp_short",
        "харр-харр-харр-харр",
        "хоха-хоха-хоха-хоха",
        "-----BEGIN CERTIFICATE-----",
        "-----BEGIN PUBLIC KEY-----",
        "eyJhbGciOiJIUzI1NiJ9 alone",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.short",
        "ctx_switch",
        "日本語 AKIA日本語",
        "Встреча в 10:00, а потом АКИА и скидка-2024 для всех НОВЫХ-клиентов-Москвы",
        "Η ΑΚΙΑ είναι λέξη, το σκ-2024 και η ΚΑΛΗΜΕΡΑ-ΚΟΣΜΕ-2024 επίσης",
        "a b c d e f g h i j k l m n o p q r s t u v w x y z 0 1 2 3 4 5 6 7 8 9",
        "x = a + b - c * d / e ^ f - g + h - i * j + k",
    ] {
        assert_eq!(kind(text), None, "{text}");
    }
}

/// Maximum number of reads of each byte of a text.
const STEPS_A_BYTE: usize = 24;

fn is_linear(text: &str) -> bool {
    steps::of(|| _ = kind(text)) <= STEPS_A_BYTE * (text.len() + 100)
}

#[test]
fn no_rule_looks_at_a_byte_again_and_again() {
    const LENGTH: usize = 1 << 13;
    let prefixes = rules::ALL.iter().flat_map(|rules| rules.iter().map(|rule| rule.prefix));
    for prefix in prefixes.chain(["eyJ", "-----BEGIN ", "sk", "A", "-", "e", "_", "1", "."]) {
        for after in [
            "",
            "a",
            "-",
            ".",
            "_",
            "A",
            "1",
            " ",
            "x",
            "aaaaaaa.",
            "aaaaaaa.eyJ",
            "\u{200b}",
            " a",
            "\u{430}",
            "A K I A ",
        ] {
            let unit = format!("{prefix}{after}");
            for text in [unit.repeat(LENGTH / unit.len()), format!("x{unit}").repeat(LENGTH / unit.len())] {
                assert!(is_linear(&text), "{unit}");
            }
        }
        let spread = prefix.chars().map(|c| format!("{c} ")).collect::<String>();
        assert!(is_linear(&spread.repeat(LENGTH / spread.len())), "{prefix}");
        assert!(is_linear(&format!("{}{}", prefix.repeat(LENGTH / 8), "a".repeat(LENGTH))), "{prefix}");
    }
}

proptest! {
    #[test]
    fn no_mix_of_prefixes_is_looked_at_again_and_again(
        units in proptest::collection::vec(
            "(AKIA|ghp_|github_pat_|sk-|sk-ant-|sk_live_|xoxb-|AIza|ctx_|eyJ|-----BEGIN |PRIVATE KEY|A K I A |s k - |\u{410}\u{41a}|[aA1. _-]{1,9})", 1..6
        ),
    ) {
        let text = units.concat().repeat(2000 / units.len());
        prop_assert!(is_linear(&text), "{:?}", units);
    }
}
