//! What each kind of rule allows, with a small vocabulary.

use std::sync::Arc;

use cortex_grammar::{
    CallSyntax, Compiler, Constraint, ConstraintError, GrammarError, Limits, Mask, Rule, Tool, Vocabulary,
    VocabularyError,
};
use serde_json::json;

const END: u32 = 256;
const TURN: u32 = 257;
const CALL: u32 = 258;

/// All bytes, then two end tokens and a control token, then some words.
fn vocabulary() -> Vocabulary {
    let mut tokens: Vec<Vec<u8>> = (0..=255).map(|byte| vec![byte]).collect();
    tokens.extend([Vec::new(), Vec::new(), Vec::new()]);
    tokens.extend(
        ["</", "think", ">\n", "> {", "}</", "\n\n", "name", "1e9", "99", "{\""]
            .map(|word| word.as_bytes().to_vec()),
    );
    Vocabulary { tokens, control: vec![(CALL, "<|call|>".to_owned())], ends: vec![END, TURN], encode: None }
}

fn compile(rule: Rule) -> Constraint {
    Compiler::new(vocabulary(), Limits::default())
        .expect("a sound vocabulary")
        .compile(&rule)
        .expect("a sound rule")
}

fn rejected(rule: Rule) -> GrammarError {
    let compiler = Compiler::new(vocabulary(), Limits::default()).expect("a sound vocabulary");
    compiler.compile(&rule).expect_err("the rule is rejected")
}

/// Accepts text byte by byte and checks that the mask agrees; returns how many bytes fit.
fn feed(constraint: &mut Constraint, text: &str) -> usize {
    let mut mask = Mask::new();
    for (at, byte) in text.bytes().enumerate() {
        constraint.mask(&mut mask).expect("a mask");
        let accepted = constraint.accept(byte.into()).is_ok();
        assert_eq!(accepted, mask.allows(byte.into()), "byte {at} of {text:?}");
        if !accepted {
            return at;
        }
    }
    text.len()
}

fn fits(rule: &Rule, text: &str) -> bool {
    let mut constraint = compile(rule.clone());
    feed(&mut constraint, text) == text.len() && constraint.may_end().expect("a state")
}

#[test]
fn a_json_object_is_one_object_and_stops() {
    let mut constraint = compile(Rule::JsonObject);
    assert_eq!(feed(&mut constraint, "[1]"), 0);
    assert_eq!(constraint.may_end(), Ok(false));
    assert_eq!(constraint.accept(END), Err(ConstraintError::Refused { token: END }));
    let text = r#"{"a": [1, -2.5e3, {"b": null}], "c": "x\n\"y\""}"#;
    assert_eq!(feed(&mut constraint, text), text.len());
    assert!(constraint.is_stopped());
    let mut mask = Mask::new();
    constraint.mask(&mut mask).expect("a mask");
    assert_eq!(mask.count(), 2);
    assert!(mask.allows(END) && mask.allows(TURN));
    assert_eq!(constraint.accept(TURN), Ok(()));
    assert_eq!(constraint.accept(b' '.into()), Err(ConstraintError::Refused { token: 32 }));
}

#[test]
fn whitespace_is_limited() {
    assert!(fits(&Rule::JsonObject, "{\n  \"a\": 1\n}"));
    assert!(!fits(&Rule::JsonObject, "{\n\n\"a\": 1}"));
    assert!(!fits(&Rule::JsonObject, "{  \"a\": 1}"));
}

#[test]
fn numbers_that_no_double_represents_are_prevented() {
    assert!(fits(&Rule::JsonObject, r#"{"a":1e99}"#));
    assert!(!fits(&Rule::JsonObject, r#"{"a":1e999}"#));
    assert!(fits(&Rule::JsonObject, r#"{"a":"1e999"}"#));
}

#[test]
fn a_name_has_a_single_spelling() {
    let rule = Rule::JsonSchema(json!({
        "type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": {"type": "integer"},
    }));
    assert!(fits(&rule, r#"{"a":"x","b":5}"#));
    assert!(!fits(&rule, r#"{"a":"x","\u0061":5}"#));
    assert!(!fits(&rule, r#"{"a":5}"#));
}

#[test]
fn a_regular_expression_matches_from_beginning_to_end() {
    let rule = Rule::Regex("[a-c]{2,3}/(yes|no)".to_owned());
    assert!(fits(&rule, "abc/yes"));
    assert!(!fits(&rule, "abc/ye"));
    assert!(!fits(&rule, "abcc/yes"));
    assert!(!fits(&rule, " ab/no"));
}

#[test]
fn a_lark_grammar_is_enforced() {
    let rule = Rule::Lark("start: \"(\" start \")\" | /[0-9]+/".to_owned());
    assert!(fits(&rule, "((42))"));
    assert!(!fits(&rule, "((42)"));
}

fn tools(syntax: CallSyntax, calls: usize) -> Rule {
    let place = json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"], "additionalProperties": false});
    let none = json!({"type": "object", "properties": {}, "additionalProperties": false});
    Rule::Tools {
        tools: vec![
            Tool { name: "weather".to_owned(), parameters: place },
            Tool { name: "time".to_owned(), parameters: none },
        ],
        syntax,
        calls,
        or_text: false,
    }
}

fn tagged() -> CallSyntax {
    CallSyntax {
        before: "<tool_call>\n{\"name\": \"".to_owned(),
        between: "\", \"arguments\": ".to_owned(),
        after: "}\n</tool_call>".to_owned(),
        separator: "\n".to_owned(),
        ..CallSyntax::default()
    }
}

#[test]
fn without_a_marker_text_must_not_begin_like_a_call() {
    let bare = CallSyntax {
        before: "{\"name\": \"".to_owned(),
        between: "\", \"parameters\": ".to_owned(),
        after: "}".to_owned(),
        separator: "; ".to_owned(),
        ..CallSyntax::default()
    };
    let Rule::Tools { tools, syntax, calls, .. } = tools(bare, 2) else { unreachable!() };
    let rule = Rule::Tools { tools, syntax, calls, or_text: true };
    let weather = "{\"name\": \"weather\", \"parameters\": {\"city\": \"Oslo\"}}";
    for fitting in
        ["", "It is sunny.", "\n Say {\"a\": 1e999}\n[[", weather, &format!("{weather}; {weather}")]
    {
        assert!(fits(&rule, fitting), "{fitting}");
    }
    let many = format!("x{}", "[".repeat(100));
    assert!(fits(&rule, &many), "text is no JSON");
    for other in [
        "{\"name\": \"weather\", \"parameters\": {\"city\": 7}}",
        "{\"name\": \"other\", \"parameters\": {}}",
        "{}",
        " {\"a\": 1}",
        "\u{a0}{\"a\": 1}",
        &format!("{weather} and so on"),
    ] {
        assert!(!fits(&rule, other), "{other}");
    }
}

#[test]
fn calls_follow_the_familys_syntax() {
    let rule = tools(tagged(), 2);
    let weather = "<tool_call>\n{\"name\": \"weather\", \"arguments\": {\"city\": \"Oslo\"}}\n</tool_call>";
    let time = "<tool_call>\n{\"name\": \"time\", \"arguments\": {}}\n</tool_call>";
    assert!(fits(&rule, weather));
    assert!(fits(&rule, &format!("{time}\n{weather}")));
    assert!(!fits(&rule, &format!("{time}\n{time}\n{time}")));
    assert!(!fits(
        &rule,
        "<tool_call>\n{\"name\": \"time\", \"arguments\": {\"city\": \"Oslo\"}}\n</tool_call>"
    ));
    assert!(!fits(&rule, "<tool_call>\n{\"name\": \"other\", \"arguments\": {}}\n</tool_call>"));
    assert!(!fits(&rule, "It is sunny."));
}

#[test]
fn control_tokens_in_a_call_syntax_are_single_tokens() {
    let syntax =
        CallSyntax { before: "<|call|>".to_owned(), between: " ".to_owned(), ..CallSyntax::default() };
    let mut constraint = compile(tools(syntax, 1));
    let mut mask = Mask::new();
    constraint.mask(&mut mask).expect("a mask");
    assert!(mask.allows(CALL));
    assert_eq!(mask.count(), 1);
    constraint.accept(CALL).expect("it opens the call");
    assert_eq!(feed(&mut constraint, "time {}"), 7);
    assert!(constraint.is_stopped());
}

#[test]
fn thinking_is_free_until_its_marker_even_across_tokens() {
    let words = |text: &str| {
        vocabulary().tokens.iter().position(|token| token == text.as_bytes()).expect("a word") as u32
    };
    let mut constraint = compile(Rule::JsonObject).after("</think>");
    let mut mask = Mask::new();
    assert_eq!(feed(&mut constraint, "so {\"what\": < </thi </b> 1e999 "), 31);
    constraint.mask(&mut mask).expect("a mask");
    assert!(!mask.allows(END) && !mask.allows(CALL), "thinking must end with the marker");
    for word in ["</", "think"] {
        constraint.accept(words(word)).expect("free text");
    }
    constraint.mask(&mut mask).expect("a mask");
    assert!(mask.allows(words(">\n")), "blanks may follow in the same token");
    assert!(!mask.allows(words("> {")), "what is more than blanks may not");
    assert_eq!(constraint.accept(words("> {")), Err(ConstraintError::Refused { token: words("> {") }));
    constraint.accept(words(">\n")).expect("the marker ends");
    constraint.mask(&mut mask).expect("a mask");
    assert!(
        mask.allows(b'{'.into())
            && mask.allows(b'\n'.into())
            && !mask.allows(b'x'.into())
            && !mask.allows(END)
    );
    constraint.accept(b'\n'.into()).expect("a blank");
    assert_eq!(feed(&mut constraint, "{} "), 2);
    assert!(constraint.is_stopped());
}

#[test]
fn a_control_token_can_end_thinking() {
    let mut constraint = compile(Rule::JsonObject).after("<|call|>");
    assert_eq!(feed(&mut constraint, "hm"), 2);
    assert!(!constraint.is_stopped());
    constraint.accept(CALL).expect("the marker");
    assert_eq!(feed(&mut constraint, "\n\n\n\n{}"), 6);
}

#[test]
fn text_may_end_or_turn_into_a_call() {
    let rule =
        tools(CallSyntax { before: "[".to_owned(), between: "]".to_owned(), ..CallSyntax::default() }, 1);
    let mut constraint = compile(rule.clone()).on("CALL:").after("</think>");
    assert_eq!(feed(&mut constraint, "CALL:</think>"), 13);
    assert_eq!(constraint.may_end(), Ok(true));
    assert_eq!(feed(&mut constraint, "Sunny, I CALL"), 13);
    assert_eq!(constraint.may_end(), Ok(true));
    assert_eq!(feed(&mut constraint, ":[time]{}"), 9);
    assert!(constraint.is_stopped());
    let mut silent = compile(rule).on("CALL:");
    assert_eq!(feed(&mut silent, "Sunny."), 6);
    assert_eq!(silent.accept(END), Ok(()));
    assert!(silent.is_stopped());
}

#[test]
fn required_text_is_forced_if_the_vocabulary_encodes() {
    let bytes = |text: &str| text.bytes().map(u32::from).collect::<Vec<u32>>();
    let encoding = Vocabulary { encode: Some(Arc::new(bytes)), ..vocabulary() };
    let compiler = Compiler::new(encoding, Limits::default()).expect("a sound vocabulary");
    let rule = Rule::Lark("start: \"abcdef\" (\"g\" | \"h\")".to_owned());
    let mut constraint = compiler.compile(&rule).expect("a sound rule");
    let forced = constraint.forced();
    assert_eq!(forced, bytes("abcdef"));
    forced.into_iter().for_each(|token| constraint.accept(token).expect("it was forced"));
    assert!(constraint.forced().is_empty());
    assert!(compile(rule).forced().is_empty());
}

#[test]
fn a_rejected_token_changes_nothing() {
    let mut constraint = compile(Rule::JsonObject);
    assert_eq!(feed(&mut constraint, "{\"a\":"), 5);
    for token in [b'}'.into(), END, CALL, 5000] {
        assert_eq!(constraint.accept(token), Err(ConstraintError::Refused { token }));
    }
    assert_eq!(feed(&mut constraint, "1}"), 2);
}

#[test]
fn answers_under_one_rule_do_not_disturb_each_other() {
    let compiler = Compiler::new(vocabulary(), Limits::default()).expect("a sound vocabulary");
    let mut first = compiler.compile(&Rule::JsonObject).expect("a sound rule");
    assert_eq!(feed(&mut first, "{\"a\""), 4);
    let mut second = compiler.compile(&Rule::JsonObject).expect("a sound rule");
    assert_eq!(feed(&mut second, "{\"b\":1}"), 7);
    assert_eq!(feed(&mut first, ":2}"), 3);
}

#[test]
fn bad_rules_are_rejected_with_the_reason() {
    let schema = |schema| rejected(Rule::JsonSchema(schema)).to_string();
    assert!(
        schema(json!({"properties": {"a": {"pattern": "(a)\\1"}}}))
            .starts_with("pattern at #/properties/a: ")
    );
    assert!(
        rejected(Rule::Regex("(a".to_owned()))
            .to_string()
            .starts_with("cannot compile the regular expression")
    );
    assert!(
        rejected(Rule::Lark("start: nowhere".to_owned()))
            .to_string()
            .starts_with("cannot compile the Lark grammar")
    );
    let named = |name: &str| Rule::Tools {
        tools: vec![Tool { name: name.to_owned(), parameters: json!({}) }],
        syntax: tagged(),
        calls: 1,
        or_text: false,
    };
    assert_eq!(rejected(named("a\"b")), GrammarError::ToolName { name: "a\"b".to_owned() });
    let bad = Rule::Tools {
        tools: vec![Tool {
            name: "t".to_owned(),
            parameters: json!({"type": "object", "properties": {"x": {"pattern": "(a)\\1"}}}),
        }],
        syntax: tagged(),
        calls: 1,
        or_text: false,
    };
    assert!(rejected(bad).to_string().starts_with("tool t: pattern at #/properties/x: "));
    assert_eq!(
        rejected(Rule::Tools { tools: Vec::new(), syntax: tagged(), calls: 1, or_text: false }),
        GrammarError::NoTools
    );
}

#[test]
fn expensive_grammars_are_rejected_in_bounded_time() {
    let long = rejected(Rule::Lark("x".repeat(300_000)));
    assert!(matches!(long, GrammarError::TooLarge { .. }), "{long}");
    let deep = rejected(Rule::Regex(format!("{}a{}", "(".repeat(500), ")".repeat(500))));
    assert!(matches!(deep, GrammarError::Syntax { .. }), "{deep}");
    for pattern in ["((a{1,999}){1,999}){1,999}", "(.*a){200}(.*b){200}.{2000}", "[a-z]{1,100000}x"] {
        let compiler = Compiler::new(vocabulary(), Limits::default()).expect("a sound vocabulary");
        let Ok(mut constraint) = compiler.compile(&Rule::Regex(pattern.to_owned())) else { continue };
        let mut mask = Mask::new();
        for _ in 0..50 {
            let Ok(()) = constraint.mask(&mut mask) else { break };
            let _ = constraint.accept(b'a'.into());
        }
    }
}

#[test]
fn a_vocabulary_must_have_tokens_and_ends() {
    let rejected = |vocabulary| Compiler::new(vocabulary, Limits::default()).expect_err("it can't be masked");
    assert!(matches!(rejected(Vocabulary::default()), VocabularyError::Size { found: 0, .. }));
    assert_eq!(rejected(Vocabulary { ends: Vec::new(), ..vocabulary() }), VocabularyError::NoEnd);
    assert!(matches!(
        rejected(Vocabulary { ends: vec![999], ..vocabulary() }),
        VocabularyError::NoSuchToken { token: 999, .. }
    ));
}

#[test]
fn a_constraint_can_go_to_another_thread() {
    let mut constraint = compile(Rule::JsonObject);
    let mask = std::thread::spawn(move || {
        let mut mask = Mask::new();
        constraint.mask(&mut mask).map(|()| (constraint, mask))
    });
    let (_, mask) = mask.join().expect("the thread ends").expect("a mask");
    assert!(mask.allows(b'{'.into()));
}
