use fancy_regex::Regex;
use proptest::prelude::*;

use super::super::effort::Halt;
use super::super::regexes::Regexes;
use super::{Budget, all, both, but, join, one};

/// Texts that distinguish patterns.
const TEXTS: [&str; 24] = [
    "", "a", "b", "ab", "ba", "aab", "abb", "a b", " a", "a ", "-a", "a-", "foo", "foobar", "xfoo", "foo.",
    "a.b", "all", "alls", "--", "a--b", "€", "a\nb", "_",
];

fn matches(patterns: &[String], text: &str) -> bool {
    let mut regexes = Regexes::new(Halt::default());
    patterns.iter().all(|pattern| regexes.matches(pattern, text).expect("few steps"))
}

/// Compares with a backtracking library.
fn agrees(source: &str, texts: &[&str]) {
    let reference = Regex::new(source).expect("a pattern of both");
    let budget = &mut Budget::new(Halt::default());
    let all = all(source, budget).unwrap_or_else(|why| panic!("{source}: {why}"));
    let one = one(source, budget).ok();
    let other = all.iter().map(|pattern| but(pattern, budget)).collect::<Option<Vec<_>>>();
    for text in texts {
        let expected = reference.is_match(text).expect("few steps");
        assert_eq!(matches(&all, text), expected, "{source} of {text:?}: {all:?}");
        if let Some(one) = &one {
            assert_eq!(matches(std::slice::from_ref(one), text), expected, "{source} of {text:?}: {one}");
        }
        if let Some(other) = &other {
            let none = other.iter().all(|other| !matches(std::slice::from_ref(other), text));
            assert_eq!(none, expected, "but {source} of {text:?}: {other:?}");
        }
    }
}

#[test]
fn patterns_with_assertions_keep_their_meaning() {
    for source in [
        "^(?!all$).*$",
        "^(?!all)",
        "^(?!-)[-a-z0-9]{0,49}[a-z0-9]$",
        r"^(?![ \t\n]*\(default(.*)\))[\s\S]*",
        r"\b(?:foo|bar)\b",
        r"^a\b",
        r"\Ba",
        r"a\b.*\bb",
        r"^((?!foo).)*$",
        r"^(?=[^!*]+$)(?=(.*\w)).+$",
        r"^(?=[^=]+$)(?!\s+$)(.|\n)+$",
        r"^(?!^foo\.|b|c).*",
        "^(?!foo|name|style).+$",
        r"^([\da-z](?:(?!.*--)[\da-z-]*[\da-z])?)(b)?$",
        r"(?<!x)foo",
        r"(?<=x)foo|^-",
        r"foo(?!bar)",
        r"^.*(?<!foo)$",
        r"^(?!.*--)[a-z-]+$",
        "(?=.*a)(?=.*b)",
        "^(?:^a)?b",
        "^(?!$)",
        r"^(?=.{2,3}$)[a-z]+( [a-z]+)*$",
        "(?:a|b(?!b))+$",
    ] {
        agrees(source, &TEXTS);
    }
}

#[test]
fn classes_are_those_of_ecma_262() {
    for (source, fits, misses) in [
        (r"(?i)^[\x41-\x5a]$", "bB", "-1"),
        (r"(?i)^[à-ÿ]$", "éÉ", "-a"),
        (r"(?i)^[\W]$", "-é", "ks_"),
        (r"^[\d-a-z]$", "5-az", "bc"),
        (r"^[\w--/]$", "a-/", ".,"),
        (r"^[\w-.]$", "a-.", ",/"),
        (r"^[-a\]]$", "-a]", "b\\"),
        (r"^[^\s-]$", "a", " -"),
    ] {
        let all =
            all(source, &mut Budget::new(Halt::default())).unwrap_or_else(|why| panic!("{source}: {why}"));
        for letter in fits.chars() {
            assert!(matches(&all, &letter.to_string()), "{source} {letter} {all:?}");
        }
        for letter in misses.chars() {
            assert!(!matches(&all, &letter.to_string()), "{source} {letter} {all:?}");
        }
    }
}

#[test]
fn counts_are_kept_if_an_assertion_sees_one_character() {
    let source = r"^https?:\/\/(www\.)?[-a-zA-Z0-9@:%._\+~#=]{1,256}\.[a-zA-Z0-9()]{1,6}\b([-a-zA-Z0-9()@:%_\+.~#?&\/=]*)$";
    agrees(
        source,
        &["https://a.bc", "http://www.a.b/c?d=e", "https://a.b(", "https://a.b()c", "ftp://a.b", "http://a."],
    );
    assert!(one(source, &mut Budget::new(Halt::default())).expect("it can be kept").len() < 1_000);
}

#[test]
fn two_patterns_become_one() {
    let both = both(&["^.{2,4}$".to_owned(), "^[a-c]+$".to_owned()], &mut Budget::new(Halt::default()))
        .expect("few states");
    for (text, fits) in [("a", false), ("abc", true), ("abcab", false), ("abx", false)] {
        assert_eq!(matches(std::slice::from_ref(&both), text), fits, "{text} {both}");
    }
}

#[test]
fn expensive_patterns_are_rejected() {
    for source in [r"^(?!.*a.{40}b).*(?!c{900}d)x$", "(?<=foo.)bar|x", "(?:a(?!(?:ab){300}c)){200}"] {
        let begun = std::time::Instant::now();
        assert!(all(source, &mut Budget::new(Halt::default())).is_err(), "{source}");
        assert!(begun.elapsed().as_secs() < 5, "{source}");
    }
}

#[test]
fn hostile_patterns_end_soon() {
    let long = |part: &str| part.repeat(60_000 / part.len());
    for source in [
        long("\\b"),
        long("(?!a)"),
        long("(?=.*a)"),
        long("(a|b)"),
        format!("^(?!{})", long("a?")),
        format!("{0}\\B{0}", "a?".repeat(10_000)),
        format!("\\b{}", long("a?")),
        format!("^(?=a){}{}", "(".repeat(60), format!("{}X)*", "a?".repeat(120)).repeat(60)),
        format!("^(?:{})$", long("a|b|[c-f]|gh|")),
        format!("[{}]", long("acegi")),
        format!("^((?!{}).)*$", (0..200).map(|index| format!("w{index}")).collect::<Vec<_>>().join("|")),
        "(?:(?:(?:a?){1,999}){1,999}){1,999}(?!b)".to_owned(),
        "^(?!(?:(?:a{0,999}){0,999})b)".to_owned(),
    ] {
        let (begun, budget) = (std::time::Instant::now(), &mut Budget::new(Halt::default()));
        let accepted = all(&source, budget).and_then(|_| one(&source, budget)).is_ok();
        let took = begun.elapsed();
        // Without the budget these take minutes to hours. An unoptimised build takes up to 5 s.
        assert!(took.as_secs() < 20, "{:.40} {accepted}: {took:?}", source);
    }
    // All patterns of a schema share one budget.
    let (begun, budget) = (std::time::Instant::now(), &mut Budget::new(Halt::default()));
    let nasty = |index: usize| format!("^(?!.*a.{{{}}}b).*(?!c.{{9,{}}}d)x.*$", 5 + index % 9, 20 + index);
    let accepted = (0..2_000).filter(|index| all(&nasty(*index), budget).is_ok()).count();
    let took = begun.elapsed();
    assert!(took.as_secs() < 20, "{accepted}: {took:?}");
}

#[test]
fn joined_patterns_match_what_any_of_them_matches() {
    let budget = &mut Budget::new(Halt::default());
    let patterns: Vec<String> =
        ["^a|b$", "[|]\\$", "^\\^x$"].map(|source| one(source, budget).expect("few parts")).into();
    let joined = [join(&patterns)];
    for (text, fits) in
        [("ax", true), ("xb", true), ("x|$x", true), ("^x", true), ("x", false), ("ba", false)]
    {
        assert_eq!(matches(&joined, text), fits, "{text} {joined:?}");
    }
}

/// Small patterns with assertions.
fn pattern() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("a".to_owned()),
        Just("b".to_owned()),
        Just("[^a]".to_owned()),
        Just(r"\w".to_owned()),
        Just(" ".to_owned()),
        Just("(?s:.)".to_owned()),
        Just("^".to_owned()),
        Just("$".to_owned()),
        Just(r"\b".to_owned()),
        Just(r"\B".to_owned()),
        Just("(?<!a)".to_owned()),
        Just("(?<=[ b])".to_owned()),
    ];
    leaf.prop_recursive(4, 16, 3, |within| {
        prop_oneof![
            prop::collection::vec(within.clone(), 1..4).prop_map(|parts| parts.concat()),
            (within.clone(), within.clone()).prop_map(|(left, right)| format!("(?:{left}|{right})")),
            within.clone().prop_map(|part| format!("(?:{part})*")),
            within.clone().prop_map(|part| format!("(?:{part})?")),
            within.clone().prop_map(|part| format!("(?:a{part}){{1,2}}")),
            within.clone().prop_map(|part| format!("(?={part})")),
            within.prop_map(|part| format!("(?!{part})")),
        ]
    })
}

proptest! {
    #[test]
    fn random_patterns_match_the_same_as_a_library_with_look_around(source in pattern()) {
        prop_assume!(Regex::new(&source).is_ok() && all(&source, &mut Budget::new(Halt::default())).is_ok());
        agrees(&source, &["", "a", "b", " ", "ab", "ba", "aa", "a b", "b a", " ab", "aba", "abab", "bb "]);
    }
}
