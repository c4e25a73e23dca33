//! Randomly damaged schemas, regular expressions and Lark grammars quickly give a meaningful error
//! or a working grammar. They never panic or take more memory than the limits allow for a grammar.
//! `CORTEX_MUTATIONS` sets how many to try.

#[path = "schemas/mod.rs"]
mod generated;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use cortex_grammar::{Compiler, Limits, Mask, Rule, Vocabulary};
use generated::Numbers;
use serde_json::{Value, json};

const END: u32 = 256;
/// Lexer states and parser items at their limits; two orders of magnitude more than a normal
/// grammar takes.
const MAX_MEMORY: usize = 256 << 20;
const MAX_DURATION: Duration = Duration::from_secs(20);

const REGEXES: [&str; 6] = [
    r"(yes|no), because [a-z ,]{10,400}\.",
    r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?Z",
    r"(?i:[a-z0-9._%+-]+@[a-z0-9.-]+\.[a-z]{2,})",
    r"[^\x00-\x1F]*(ä|\u{1F999}|\p{L}{2,3})+",
    r"((a|b)*c){3,}|\w\W\s\S",
    r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?",
];
const LARKS: [&str; 4] = [
    "start: greeting \" \" NAME (\",\" NAME)* \"!\"\ngreeting: \"hello\" | \"good\" WS \"day\"\nNAME: /[A-Z][a-z]{0,20}/\nWS: \" \"+",
    "start: sum\nsum: product ((\"+\" | \"-\") product)*\nproduct: atom ((\"*\" | \"/\") atom)*\natom: NUMBER | \"(\" sum \")\"\nNUMBER: /[0-9]+(\\.[0-9]+)?/\n%ignore /[ \\t]+/",
    "start: \"<\" tag \">\" inner \"</\" tag \">\"\ntag: /[a-z]{1,8}/\ninner: /[^<]*/ | start inner?",
    "start: line{1,5}\nline[max_tokens=9]: /[a-z]+/ \"\\n\"\n%json {\"type\": \"object\"}",
];
const FRAGMENTS: [&str; 30] = [
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "{1,99999999}",
    "{5,1}",
    "*",
    "+",
    "?",
    "|",
    "\\",
    "/",
    "\"",
    ".",
    "^",
    "$",
    "[^",
    "\\p{L}",
    "(?=a)",
    "(?i)",
    "\\u{110000}",
    "\0",
    "ü",
    ": ",
    "\n",
    "%ignore",
    "%import x",
    "start",
];

#[test]
fn damaged_rules_are_rejected_or_enforced() {
    let count: u64 =
        std::env::var("CORTEX_MUTATIONS").map_or(2_000, |count| count.parse().expect("a number"));
    let mut tokens: Vec<Vec<u8>> = (0..=255).map(|byte| vec![byte]).collect();
    tokens.push(Vec::new());
    let vocabulary = Vocabulary { tokens, ends: vec![END], ..Vocabulary::default() };
    let compiler = Compiler::new(vocabulary, Limits::default()).expect("a sound vocabulary");
    let mut accepted = 0;
    for seed in 0..count {
        let mut numbers = Numbers(seed << 16);
        let rule = match numbers.below(4) {
            0 => Rule::Regex(damaged_text(&REGEXES, &mut numbers)),
            1 => Rule::Lark(damaged_text(&LARKS, &mut numbers)),
            _ => Rule::JsonSchema(damaged_schema(&mut numbers)),
        };
        let (begun, before) = (Instant::now(), CURRENT.load(Ordering::Relaxed));
        PEAK.store(before, Ordering::Relaxed);
        match write(&compiler, &rule, &mut numbers) {
            Ok(()) => accepted += 1,
            Err(why) => assert!(
                !why.is_empty() && !why.contains("panic") && !why.contains("gave up"),
                "{seed}: {why}\n{rule:?}"
            ),
        }
        let (took, peak) = (begun.elapsed(), PEAK.load(Ordering::Relaxed) - before);
        assert!(took < MAX_DURATION, "{seed} took {took:?}: {rule:?}");
        assert!(peak < MAX_MEMORY, "{seed} took {peak} bytes: {rule:?}");
    }
    assert!(0 < accepted && accepted < count, "{accepted} of {count}");
}

/// Compiles the rule and generates a few bytes that it allows.
fn write(compiler: &Compiler, rule: &Rule, numbers: &mut Numbers) -> Result<(), String> {
    let mut constraint = compiler.compile(rule).map_err(|error| error.to_string())?;
    let mut mask = Mask::new();
    for _ in 0..12 {
        constraint.mask(&mut mask).map_err(|error| error.to_string())?;
        let allowed: Vec<u32> = (0..=END).filter(|&token| mask.allows(token)).collect();
        let Some(&token) = allowed.get(numbers.below(allowed.len().max(1) as u64) as usize) else {
            return Err("no token is allowed".to_owned());
        };
        constraint.accept(token).map_err(|error| error.to_string())?;
        if constraint.is_stopped() {
            break;
        }
    }
    Ok(())
}

fn damaged_text(from: &[&str], numbers: &mut Numbers) -> String {
    let mut text: Vec<char> = from[numbers.below(from.len() as u64) as usize].chars().collect();
    for _ in 0..=numbers.below(4) {
        let start = numbers.below(text.len() as u64 + 1) as usize;
        let end = (start + numbers.below(12) as usize).min(text.len());
        match numbers.below(4) {
            0 => drop(text.drain(start..end)),
            1 => {
                let copy = text[start..end].to_vec();
                text.splice(start..start, copy);
            }
            _ => drop(
                text.splice(start..start, FRAGMENTS[numbers.below(FRAGMENTS.len() as u64) as usize].chars()),
            ),
        }
    }
    text.into_iter().collect()
}

fn damaged_schema(numbers: &mut Numbers) -> Value {
    let mut schema = generated::generate(numbers.next());
    for _ in 0..=numbers.below(3) {
        damage(&mut schema, numbers);
    }
    schema
}

/// Replaces a value somewhere in the schema, removes it, or adds a keyword to it.
fn damage(value: &mut Value, numbers: &mut Numbers) {
    let stays = numbers.below(4) == 0;
    let count = match value {
        Value::Object(members) if !stays => members.len(),
        Value::Array(members) if !stays => members.len(),
        _ => 0,
    };
    if count > 0 {
        let at = numbers.below(count as u64) as usize;
        match value {
            Value::Object(members) if numbers.below(8) == 0 => {
                let key = members.keys().nth(at).cloned();
                key.and_then(|key| members.remove(&key));
            }
            Value::Object(members) => {
                members.values_mut().nth(at).into_iter().for_each(|inner| damage(inner, numbers))
            }
            Value::Array(members) => damage(&mut members[at], numbers),
            _ => {}
        }
        return;
    }
    let hostile = hostile();
    let hostile = &hostile[numbers.below(hostile.len() as u64) as usize];
    match (value, hostile) {
        (Value::Object(members), Value::Object(more)) => members.extend(more.clone()),
        (value, hostile) => *value = hostile.clone(),
    }
}

fn hostile() -> [Value; 24] {
    [
        json!(null),
        json!(true),
        json!(false),
        json!(-1),
        json!(0),
        json!(1e308),
        json!(u64::MAX),
        json!(0.1),
        json!(""),
        json!("(["),
        json!("^a{1000000}$"),
        json!([]),
        json!({}),
        json!({"$ref": "#"}),
        json!({"$ref": "#/$defs/none"}),
        json!({"$ref": "https://example.com/schema"}),
        json!({"minLength": 4_000_000_000u64}),
        json!({"type": "string", "maxLength": -1}),
        json!({"minItems": 100_000}),
        json!({"type": ["array", "null", 7]}),
        json!({"multipleOf": 1e-300}),
        json!({"minimum": 1e300, "maximum": -1e300}),
        json!({"not": {}}),
        json!({"allOf": [{"pattern": "a+"}, {"pattern": "^(b*c){9}$"}]}),
    ]
}

struct CountingAllocator;

static CURRENT: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

// SAFETY: all calls are passed on to the system's allocator.
unsafe impl GlobalAlloc for CountingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let now = CURRENT.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        PEAK.fetch_max(now, Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        CURRENT.fetch_sub(layout.size(), Ordering::Relaxed);
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;
