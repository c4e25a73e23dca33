//! Real templates with random errors quickly give text or an error, and never panic.
//! `CORTEX_MUTATIONS` sets how many to try.

#![allow(clippy::unwrap_used, clippy::print_stderr)]

mod data;

use std::time::{Duration, Instant};

use cortex_chat::{
    CompileError, Conversation, Json, Now, Options, RenderError, SpecialTokens, Syntax, Template,
};

const CONVERSATION: &str = r#"[
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "What is 1 + 1?\nAnd <think>2</think>?"},
    {"role": "assistant", "content": "", "tool_calls": [
        {"id": "abcdefghi", "type": "function", "function": {"name": "add", "arguments": {"a": 1, "b": [1.5, null]}}}]},
    {"role": "tool", "content": "2", "name": "add", "tool_call_id": "abcdefghi"},
    {"role": "assistant", "content": "2", "reasoning_content": "easy"},
    {"role": "user", "content": "ü"}
]"#;
const TOOL: &str = r#"{"type": "function", "function": {"name": "add", "description": "adds", "parameters":
    {"type": "object", "properties": {"a": {"type": "number"}, "b": {"type": ["array", "null"]}}}}}"#;
const FRAGMENTS: [&str; 44] = [
    "{{",
    "}}",
    "{%",
    "%}",
    "{#",
    "#}",
    "-",
    "+",
    "*",
    "~",
    "|",
    ".",
    "[",
    "]",
    "(",
    ")",
    ",",
    ":",
    "[::-1]",
    "[1:]",
    "not ",
    " in ",
    " is ",
    "loop",
    "loop.index",
    "messages",
    "ns",
    "none",
    "99999999999",
    "-1",
    "'",
    "\"",
    "\\",
    "{% for x in messages %}",
    "{% endfor %}",
    "{% set x = x ~ x %}",
    "{% if true %}",
    "{% endif %}",
    "{% macro m() %}",
    "{{ m() }}",
    "|tojson",
    "|list",
    "ü",
    "\0",
];

/// A counter-based generator: splitmix64.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % bound.max(1) as u64) as usize
    }
}

fn mutated(random: &mut Random, sources: &[Vec<char>]) -> String {
    let mut source = sources[random.below(sources.len())].clone();
    for _ in 0..=random.below(4) {
        let from = random.below(source.len());
        let to = (from + random.below(40)).min(source.len());
        match random.below(5) {
            0 => drop(source.drain(from..to)),
            1 => {
                let copy = source[from..to].to_vec();
                let at = random.below(source.len());
                source.splice(at..at, copy);
            }
            2 => {
                let other = &sources[random.below(sources.len())];
                let start = random.below(other.len());
                let end = (start + random.below(200)).min(other.len());
                source.splice(from..to, other[start..end].iter().copied());
            }
            _ => drop(source.splice(from..from, FRAGMENTS[random.below(FRAGMENTS.len())].chars())),
        }
    }
    source.into_iter().collect()
}

#[test]
fn mutated_templates_give_text_or_an_error() {
    let count: u64 = std::env::var("CORTEX_MUTATIONS").map_or(2_000, |count| count.parse().unwrap());
    let mut sources: Vec<Vec<char>> = Vec::new();
    for entry in std::fs::read_dir(data::folder().join("templates")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "jinja") {
            sources.push(std::fs::read_to_string(&path).unwrap().chars().collect());
        }
    }
    sources.sort();
    let conversation: Conversation = serde_json::from_str(CONVERSATION).unwrap();
    let tools: Vec<Json> = vec![TOOL.parse().unwrap()];
    let (mut texts, mut slowest) = (0, Duration::ZERO);
    for seed in 0..count {
        let mut random = Random(seed << 16);
        let source = mutated(&mut random, &sources);
        let options = Options {
            tools: (random.below(2) == 0).then(|| tools.clone()),
            continue_final: random.below(8) == 0,
            ..Options::at(Now::from_unix(1_770_091_506, 0))
        };
        let begun = Instant::now();
        Syntax::detect(&source);
        match Template::compile(&source, SpecialTokens::new()) {
            Ok(template) => match template.render(&conversation, &options) {
                Ok(_) => texts += 1,
                Err(RenderError::Broken(why)) => panic!("seed {seed}: {why}:\n{source}"),
                Err(error) => assert!(!error.to_string().is_empty()),
            },
            Err(CompileError::Broken(why)) => panic!("seed {seed}: {why}:\n{source}"),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
        slowest = slowest.max(begun.elapsed());
        assert!(
            begun.elapsed() < Duration::from_secs(30),
            "seed {seed} took {:?}:\n{source}",
            begun.elapsed()
        );
    }
    assert!(texts > 0, "no mutation rendered");
    eprintln!("{count} mutations, {texts} rendered, the slowest took {slowest:?}");
}

#[test]
fn the_syntax_of_real_templates_is_detected_from_their_source() {
    use cortex_chat::{Calls, ToolCallIds};
    let syntax = |name| Syntax::detect(&data::template(name));
    assert!(matches!(syntax("Qwen-Qwen3-0.6B").calls, Calls::Tagged { .. }));
    assert!(matches!(syntax("Qwen-Qwen2.5-7B-Instruct").calls, Calls::Tagged { .. }));
    assert!(matches!(syntax("NousResearch-Hermes-3-Llama-3.1-8B-tool_use").calls, Calls::Tagged { .. }));
    assert!(matches!(syntax("meta-llama-Llama-3.1-8B-Instruct").calls, Calls::Bare { .. }));
    assert!(matches!(syntax("meta-llama-Llama-3.2-3B-Instruct").calls, Calls::Bare { .. }));
    assert!(matches!(syntax("mistralai-Mistral-Nemo-Instruct-2407").calls, Calls::Listed { .. }));
    assert_eq!(syntax("mistralai-Mistral-Nemo-Instruct-2407").ids, ToolCallIds::NineAlphanumerics);
    assert_eq!(syntax("microsoft-Phi-3.5-mini-instruct").calls, Calls::None);
    for (name, thinks) in
        [("Qwen-Qwen3-0.6B", true), ("HuggingFaceTB-SmolLM3-3B", true), ("Qwen-Qwen2.5-7B-Instruct", false)]
    {
        assert_eq!(syntax(name).reasoning.is_some(), thinks, "{name}");
    }
    assert!(syntax("Qwen-Qwen3-0.6B").opens_reasoning("<|im_start|>assistant\n<think>\n"));
}
