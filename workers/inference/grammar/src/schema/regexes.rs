//! Answers questions about patterns: whether they are supported, match a text, or match any text at
//! all.

use std::collections::HashMap;
use std::sync::Arc;

use llguidance::derivre::{Regex, RegexAst, RegexBuilder};
use llguidance::regex_to_lark;

use super::effort::Halt;
use super::pattern::{self, Budget};

/// The step limit of one question; beyond it, there is no answer.
const FUEL: u64 = 20_000;
/// The longest text, in letters, that [`all_but`] accepts: each letter nests a group.
pub(super) const MAX_EXCEPTION_LETTERS: usize = 48;
/// The content of strings without numeric escapes.
const WRITABLE: &str = r"[^\x00-\x07\x0B\x0E-\x1F\x7F]*";

/// Patterns with their translations.
pub(super) type Translated = HashMap<(String, Form), Result<Vec<String>, String>>;

pub(super) struct Regexes {
    read: HashMap<String, bool>,
    budget: Budget,
    translated: Translated,
    /// Translations from an earlier use of the same schema.
    known: Arc<Translated>,
    /// Patterns made by combining several, or by negating one.
    made: HashMap<Made, Option<String>>,
    search: HashMap<String, Option<Regex>>,
    empty: HashMap<String, Option<bool>>,
}

/// How a pattern is translated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Form {
    /// To as many patterns as necessary.
    All,
    One,
}

#[derive(PartialEq, Eq, Hash)]
enum Made {
    Both(Vec<String>),
    But(String),
}

/// Texts that all of the patterns match and whose length is within the bounds.
#[derive(Clone, Copy)]
pub(super) struct Texts<'a> {
    pub(super) patterns: &'a [&'a str],
    pub(super) least: u64,
    pub(super) most: Option<u64>,
}

impl Regexes {
    pub(super) fn new(halt: Halt) -> Self {
        Self::with(Budget::new(halt), Arc::default())
    }

    /// For answers to a schema whose patterns are already translated: the few others may cost
    /// little.
    pub(super) fn with_translations(known: Arc<Translated>) -> Self {
        Self::with(Budget::small(), known)
    }

    fn with(budget: Budget, known: Arc<Translated>) -> Self {
        Self {
            read: HashMap::new(),
            budget,
            translated: HashMap::new(),
            known,
            made: HashMap::new(),
            search: HashMap::new(),
            empty: HashMap::new(),
        }
    }

    /// The translations so far.
    pub(super) fn translated(&self) -> Translated {
        self.translated.clone()
    }

    /// Whether the parser can read a pattern.
    fn is_readable(&mut self, pattern: &str) -> bool {
        let read = self.read.entry(pattern.to_owned());
        *read.or_insert_with(|| RegexBuilder::new().mk(&search(pattern)).is_ok())
    }

    /// Returns patterns without assertions that together match the same texts as a schema's
    /// pattern. The error says why no such patterns exist.
    pub(super) fn translate(&mut self, source: &str, form: Form) -> Result<Vec<String>, String> {
        let key = (source.to_owned(), form);
        if let Some(known) = self.known.get(&key).or_else(|| self.translated.get(&key)) {
            return known.clone();
        }
        let translated = match form {
            Form::All => pattern::all(source, &mut self.budget),
            Form::One => pattern::one(source, &mut self.budget).map(|only| vec![only]),
        };
        let translated =
            translated.and_then(|patterns| match patterns.iter().all(|pattern| self.is_readable(pattern)) {
                true => Ok(patterns),
                false => Err("it takes too much work".to_owned()),
            });
        self.translated.insert(key, translated.clone());
        translated
    }

    /// One pattern for the texts that all of these match; `None` if it takes too much work.
    pub(super) fn both(&mut self, patterns: &[String]) -> Option<String> {
        if let [only] = patterns {
            return Some(only.clone());
        }
        let made = self.made.entry(Made::Both(patterns.to_vec()));
        made.or_insert_with(|| pattern::both(patterns, &mut self.budget)).clone()
    }

    /// A pattern for the texts that this one doesn't match; `None` if it takes too much work.
    pub(super) fn but(&mut self, pattern: &str) -> Option<String> {
        let made = self.made.entry(Made::But(pattern.to_owned()));
        made.or_insert_with(|| pattern::but(pattern, &mut self.budget)).clone()
    }

    /// The pattern without the names that it matches, because the parser would combine the schemas
    /// of both again. `None` if it matches none of them, or if that takes too much work.
    pub(super) fn without(&mut self, pattern: &str, names: &[&str]) -> Option<String> {
        let matched: Vec<&str> =
            names.iter().copied().filter(|name| self.matches(pattern, name) != Some(false)).collect();
        if matched.is_empty() || matched.iter().any(|name| name.chars().count() > MAX_EXCEPTION_LETTERS) {
            return None;
        }
        self.both(&[pattern.to_owned(), all_but(matched.into_iter())])
    }

    /// Whether it may match some writable text.
    pub(super) fn is_possible(&mut self, pattern: &str) -> bool {
        self.is_empty(Texts { patterns: &[pattern], least: 0, most: None }) != Some(true)
    }

    /// Whether a pattern matches somewhere in a text; `None` if that takes too long to decide.
    pub(super) fn matches(&mut self, pattern: &str, text: &str) -> Option<bool> {
        let regex = self.search.entry(pattern.to_owned()).or_insert_with(|| {
            let mut builder = RegexBuilder::new();
            let expression = builder.mk(&search(pattern)).ok()?;
            builder.into_regex_limited(expression, FUEL).ok()
        });
        regex.as_mut().map(|regex| regex.is_match(text))
    }

    /// Whether none of the texts is writable; `None` if that takes too long to decide.
    pub(super) fn is_empty(&mut self, texts: Texts<'_>) -> Option<bool> {
        let key = format!("{:?} {} {:?}", texts.patterns, texts.least, texts.most);
        if let Some(known) = self.empty.get(&key) {
            return *known;
        }
        let mut all: Vec<RegexAst> = texts.patterns.iter().map(|pattern| search(pattern)).collect();
        all.push(RegexAst::Regex(WRITABLE.to_owned()));
        if texts.least > 0 || texts.most.is_some() {
            let most = texts.most.map_or(String::new(), |most| most.to_string());
            all.push(RegexAst::Regex(format!("(?s:.{{{},{most}}})", texts.least)));
        }
        let answer = is_empty(RegexAst::And(all));
        self.empty.insert(key, answer);
        answer
    }

    /// Whether every writable name is one of the names or matches one of the patterns.
    pub(super) fn cover_all_names(&mut self, names: &[&str], patterns: &[&str]) -> bool {
        let taken = taken(names, patterns);
        let left = vec![RegexAst::Regex(WRITABLE.to_owned()), RegexAst::Not(Box::new(taken))];
        !patterns.is_empty() && is_empty(RegexAst::And(left)) == Some(true)
    }

    /// Whether a pattern matches only these names.
    pub(super) fn adds_no_name(&mut self, pattern: &str, names: &[&str]) -> bool {
        let left = vec![
            search(pattern),
            RegexAst::Regex(WRITABLE.to_owned()),
            RegexAst::Not(Box::new(taken(names, &[]))),
        ];
        is_empty(RegexAst::And(left)) == Some(true)
    }

    /// Whether some text may match both.
    pub(super) fn overlap(&mut self, left: &str, right: &str) -> bool {
        self.is_empty(Texts { patterns: &[left, right], least: 0, most: None }) != Some(true)
    }
}

fn search(pattern: &str) -> RegexAst {
    RegexAst::SearchRegex(regex_to_lark(pattern, "dw"))
}

fn taken(names: &[&str], patterns: &[&str]) -> RegexAst {
    let names = names.iter().map(|name| RegexAst::Literal((*name).to_owned()));
    RegexAst::Or(names.chain(patterns.iter().map(|pattern| search(pattern))).collect())
}

fn is_empty(expression: RegexAst) -> Option<bool> {
    let mut builder = RegexBuilder::new();
    let expression = builder.mk(&expression).ok()?;
    let mut regex = builder.into_regex_limited(expression, FUEL).ok()?;
    Some(regex.always_empty())
}

/// A pattern of all texts except these, in the parser's syntax. None of them may be longer than
/// [`MAX_EXCEPTION_LETTERS`].
pub(super) fn all_but<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    let mut tree = Tree::default();
    for text in texts {
        let mut at = &mut tree;
        for letter in text.chars() {
            at = at.after.entry(letter).or_default();
        }
        at.is_text = true;
    }
    format!("^(?:{})$", tree.others())
}

/// A trie of texts by their letters.
#[derive(Default)]
struct Tree {
    is_text: bool,
    after: std::collections::BTreeMap<char, Tree>,
}

impl Tree {
    /// Returns a pattern for what may follow here so that the complete text differs from all of
    /// these.
    fn others(&self) -> String {
        let mut ways = Vec::new();
        if !self.is_text {
            ways.push(String::new());
        }
        if self.after.is_empty() {
            ways.push(r"(?s:.)(?s:.*)".to_owned());
        } else {
            let known: String = self.after.keys().map(|letter| escaped(*letter)).collect();
            ways.push(format!("[^{known}](?s:.*)"));
        }
        for (letter, tree) in &self.after {
            ways.push(format!("{}(?:{})", escaped(*letter), tree.others()));
        }
        ways.join("|")
    }
}

fn escaped(letter: char) -> String {
    format!("\\u{{{:X}}}", letter as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_but_matches_all_other_texts() {
        let pattern = all_but(["a", "ab", "c\\", ""].into_iter());
        let mut regexes = Regexes::new(Halt::default());
        for (text, fits) in [
            ("", false),
            ("a", false),
            ("ab", false),
            ("abc", true),
            ("c", true),
            ("c\\", false),
            ("ä\n", true),
        ] {
            assert_eq!(regexes.matches(&pattern, text), Some(fits), "{text:?}");
        }
    }

    #[test]
    fn patterns_without_writable_texts_are_empty() {
        let mut regexes = Regexes::new(Halt::default());
        let mut empty = |patterns: &[&str], least, most| regexes.is_empty(Texts { patterns, least, most });
        assert_eq!(empty(&["^a$", "^b$"], 0, None), Some(true));
        assert_eq!(empty(&["^a{3}$"], 4, None), Some(true));
        assert_eq!(empty(&["^\\x01$"], 0, None), Some(true));
        assert_eq!(empty(&["^a+$"], 4, Some(4)), Some(false));
        assert!(regexes.cover_all_names(&[], &[""]));
        assert!(regexes.adds_no_name("^(a|b)$", &["b", "a"]));
        assert!(!regexes.adds_no_name("^(a|b)$", &["b"]));
    }
}
