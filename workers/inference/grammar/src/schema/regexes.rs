//! What can be told of patterns: whether they can be read, match a text, or match any text at all.

use std::collections::HashMap;
use std::sync::Arc;

use llguidance::derivre::{Regex, RegexAst, RegexBuilder};
use llguidance::regex_to_lark;

use super::effort::Halt;
use super::pattern::{self, Budget};

/// Steps of one question; a question that takes more has no answer.
const FUEL: u64 = 20_000;
/// The longest text in letters that [`all_but`] takes: each letter nests a group.
pub(super) const LONGEST_EXCEPTION: usize = 48;
/// What strings hold when nothing is escaped by number.
const WRITABLE: &str = r"[^\x00-\x07\x0B\x0E-\x1F\x7F]*";

/// Patterns as they were translated.
pub(super) type Translated = HashMap<(String, Form), Result<Vec<String>, String>>;

pub(super) struct Regexes {
    read: HashMap<String, bool>,
    budget: Budget,
    translated: Translated,
    /// What was translated before, for another use of the same schema.
    known: Arc<Translated>,
    /// Patterns that were made of several, or of all texts but those of one.
    made: HashMap<Made, Option<String>>,
    search: HashMap<String, Option<Regex>>,
    empty: HashMap<String, Option<bool>>,
}

/// How a pattern is translated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Form {
    /// To as many patterns as it takes.
    All,
    One,
}

#[derive(PartialEq, Eq, Hash)]
enum Made {
    Both(Vec<String>),
    But(String),
}

/// Texts that all of the patterns match, of a length within the bounds.
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

    /// For answers to a schema whose patterns are translated: the few that are not may cost little.
    pub(super) fn knowing(known: Arc<Translated>) -> Self {
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

    /// What was translated.
    pub(super) fn translated(&self) -> Translated {
        self.translated.clone()
    }

    /// Whether the parser can read a pattern.
    fn is_readable(&mut self, pattern: &str) -> bool {
        let read = self.read.entry(pattern.to_owned());
        *read.or_insert_with(|| RegexBuilder::new().mk(&search(pattern)).is_ok())
    }

    /// Returns patterns without assertions, which match all texts together that a pattern of a schema matches, or why there
    /// are none.
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

    /// One pattern for what all of these match; `None` if it takes too much.
    pub(super) fn both(&mut self, patterns: &[String]) -> Option<String> {
        if let [only] = patterns {
            return Some(only.clone());
        }
        let made = self.made.entry(Made::Both(patterns.to_vec()));
        made.or_insert_with(|| pattern::both(patterns, &mut self.budget)).clone()
    }

    /// A pattern for what this one doesn't match; `None` if it takes too much.
    pub(super) fn but(&mut self, pattern: &str) -> Option<String> {
        let made = self.made.entry(Made::But(pattern.to_owned()));
        made.or_insert_with(|| pattern::but(pattern, &mut self.budget)).clone()
    }

    /// The pattern without the names that it matches: the parser would put the schemas of both together again. `None` where it
    /// matches none of them, or where it takes too much.
    pub(super) fn without(&mut self, pattern: &str, names: &[&str]) -> Option<String> {
        let matched: Vec<&str> =
            names.iter().copied().filter(|name| self.matches(pattern, name) != Some(false)).collect();
        if matched.is_empty() || matched.iter().any(|name| name.chars().count() > LONGEST_EXCEPTION) {
            return None;
        }
        self.both(&[pattern.to_owned(), all_but(matched.into_iter())])
    }

    /// Whether some text that can be written may match.
    pub(super) fn is_possible(&mut self, pattern: &str) -> bool {
        self.is_empty(Texts { patterns: &[pattern], least: 0, most: None }) != Some(true)
    }

    /// Whether a pattern matches somewhere in a text; `None` if it takes too long to tell.
    pub(super) fn matches(&mut self, pattern: &str, text: &str) -> Option<bool> {
        let regex = self.search.entry(pattern.to_owned()).or_insert_with(|| {
            let mut builder = RegexBuilder::new();
            let expression = builder.mk(&search(pattern)).ok()?;
            builder.into_regex_limited(expression, FUEL).ok()
        });
        regex.as_mut().map(|regex| regex.is_match(text))
    }

    /// Whether no text is among them that can be written; `None` if it takes too long to tell.
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

    /// Whether every name that can be written is one of the names or matches one of the patterns.
    pub(super) fn leave_no_name(&mut self, names: &[&str], patterns: &[&str]) -> bool {
        let taken = taken(names, patterns);
        let left = vec![RegexAst::Regex(WRITABLE.to_owned()), RegexAst::Not(Box::new(taken))];
        !patterns.is_empty() && is_empty(RegexAst::And(left)) == Some(true)
    }

    /// Whether a pattern matches none but these names.
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

/// A pattern of all texts but these, as the parser writes patterns. None of them may be longer than [`LONGEST_EXCEPTION`].
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

/// Texts by their letters.
#[derive(Default)]
struct Tree {
    is_text: bool,
    after: std::collections::BTreeMap<char, Tree>,
}

impl Tree {
    /// What may follow here so that the whole is none of the texts.
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
    fn all_but_some_texts_are_matched() {
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
    fn patterns_that_nothing_writable_matches_are_empty() {
        let mut regexes = Regexes::new(Halt::default());
        let mut empty = |patterns: &[&str], least, most| regexes.is_empty(Texts { patterns, least, most });
        assert_eq!(empty(&["^a$", "^b$"], 0, None), Some(true));
        assert_eq!(empty(&["^a{3}$"], 4, None), Some(true));
        assert_eq!(empty(&["^\\x01$"], 0, None), Some(true));
        assert_eq!(empty(&["^a+$"], 4, Some(4)), Some(false));
        assert!(regexes.leave_no_name(&[], &[""]));
        assert!(regexes.adds_no_name("^(a|b)$", &["b", "a"]));
        assert!(!regexes.adds_no_name("^(a|b)$", &["b"]));
    }
}
