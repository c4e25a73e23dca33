//! Parsing of answers: complete, in chunks, truncated, and text that only resembles calls.

#![allow(clippy::unwrap_used)]

use cortex_chat::{End, Parser, Part, Syntax};
use proptest::prelude::*;

const HERMES: &str = "<tool_call> <think> </think>";
const LLAMA: &str = "Environment: ipython \"parameters\": ";
const MISTRAL: &str = "[TOOL_CALLS]";

/// What a model writes: text or a control token.
#[derive(Clone, Debug)]
enum Output {
    Text(String),
    Special(&'static str),
}

fn tools() -> Vec<String> {
    ["add", "weather", "code_interpreter"].map(str::to_owned).to_vec()
}

/// Joins adjacent parts, so that the split into chunks doesn't show.
fn joined(parts: Vec<Part>) -> Vec<Part> {
    let mut out: Vec<Part> = Vec::new();
    for part in parts {
        match (out.last_mut(), &part) {
            (Some(Part::Text(last)), Part::Text(text))
            | (Some(Part::Reasoning(last)), Part::Reasoning(text)) => {
                last.push_str(text);
            }
            (Some(Part::Arguments { delta: last, .. }), Part::Arguments { delta, .. }) => {
                last.push_str(delta)
            }
            _ => out.push(part),
        }
    }
    out
}

fn read(template: &str, written: &[Output], in_reasoning: bool) -> (Vec<Part>, End) {
    let mut parser = Parser::new(&Syntax::detect(template), tools(), in_reasoning);
    let mut parts = Vec::new();
    for piece in written {
        parts.extend(match piece {
            Output::Text(text) => parser.push(text),
            Output::Special(token) => parser.special(token),
        });
    }
    let (rest, end) = parser.finish();
    parts.extend(rest);
    (joined(parts), end)
}

fn read_text(template: &str, text: &str) -> (Vec<Part>, End) {
    read(template, &[Output::Text(text.to_owned())], false)
}

fn text(text: &str) -> Part {
    Part::Text(text.to_owned())
}

fn call(index: usize, name: &str, arguments: &str) -> [Part; 3] {
    [
        Part::Call { index, name: name.to_owned() },
        Part::Arguments { index, delta: arguments.to_owned() },
        Part::Called { index },
    ]
}

#[test]
fn line_breaks_between_tagged_calls_are_not_text() {
    let answer = "Let me see.\n<tool_call>\n{\"name\": \"add\", \"arguments\": {\"a\": [1, 2.5e3]}}\n</tool_call>\n\
                  <tool_call>\n{\"arguments\": {}, \"name\": \"weather\"}\n</tool_call>\n";
    let mut expected = vec![text("Let me see.")];
    expected.extend(call(0, "add", "{\"a\": [1, 2.5e3]}"));
    expected.extend(call(1, "weather", "{}"));
    assert_eq!(read_text(HERMES, answer), (expected, End::Whole));
}

#[test]
fn arguments_stream_as_soon_as_the_tool_is_known() {
    let mut parser = Parser::new(&Syntax::detect(HERMES), tools(), false);
    assert_eq!(parser.push("<tool_call>{\"name\": \"ad"), []);
    assert_eq!(parser.push("d\", \"arguments\": "), []);
    let begun = [
        Part::Call { index: 0, name: "add".to_owned() },
        Part::Arguments { index: 0, delta: "{\"a\":".to_owned() },
    ];
    assert_eq!(parser.push("{\"a\":"), begun);
    assert_eq!(parser.push(" 1"), [Part::Arguments { index: 0, delta: " 1".to_owned() }]);
    assert_eq!(parser.finish(), (vec![], End::Call { index: 0 }));
}

#[test]
fn a_call_of_an_unknown_tool_is_text() {
    let answer = "\n<tool_call>\n{\"name\": \"rm\", \"arguments\": {}}\n</tool_call> ok";
    assert_eq!(read_text(HERMES, answer), (vec![text(answer)], End::Whole));
}

#[test]
fn text_that_only_resembles_a_call_is_returned_in_full() {
    for answer in [
        "<tool_call>",
        "<tool_call> no",
        "<tool_cal",
        "a < b <tool_ call>",
        "<tool_call>{\"name\": \"add\", \"arguments\": 5}</tool_call>",
        "<tool_call>{\"name\": add}</tool_call>",
        "<tool_call>{\"name\": \"add\",}</tool_call>",
        "<tool_call>[1]</tool_call>\n\n",
        "<<<tool_call",
    ] {
        assert_eq!(read_text(HERMES, answer), (vec![text(answer)], End::Whole), "{answer}");
    }
}

/// Parses an answer that was truncated here.
fn read_cut(syntax: &Syntax, written: &[Output]) -> (Vec<Part>, End) {
    let mut parser = Parser::new(syntax, tools(), false);
    let mut parts = Vec::new();
    for piece in written {
        parts.extend(match piece {
            Output::Text(text) => parser.push(text),
            Output::Special(token) => parser.special(token),
        });
    }
    let (rest, end) = parser.cut();
    parts.extend(rest);
    (joined(parts), end)
}

fn content(parts: &[Part]) -> String {
    let texts = parts.iter().filter_map(|part| match part {
        Part::Text(text) => Some(text.as_str()),
        _ => None,
    });
    texts.collect()
}

#[test]
fn no_part_of_a_truncated_call_is_text() {
    let tagged = "Let me see.\n<tool_call>\n{\"name\": \"add\", \"arguments\": {\"a\": 1}}\n</tool_call>\n\
                  <tool_call>\n{\"arguments\": {}, \"name\": \"weather\"}\n</tool_call>";
    let listed = "Let me see.[TOOL_CALLS][{\"name\": \"add\", \"arguments\": {\"a\": 1}}, \
                  {\"name\": \"weather\", \"arguments\": {}}]";
    let bare = "{\"name\": \"add\", \"parameters\": {\"a\": 1}}; {\"type\": \"function\", \"name\": \"weather\", \
                \"parameters\": {}}";
    for (template, special, said, answer) in [
        (HERMES, false, "Let me see.", tagged),
        (HERMES, true, "Let me see.", tagged),
        (MISTRAL, false, "Let me see.", listed),
        (MISTRAL, true, "Let me see.", listed),
        (LLAMA, false, "", bare),
    ] {
        let syntax = Syntax::detect(template).with_control(|_| special);
        let markers: &[&'static str] =
            if special { &["<tool_call>", "</tool_call>", "[TOOL_CALLS]"] } else { &[] };
        for (end, _) in answer.char_indices().skip(1) {
            // A control token arrives complete or not at all.
            let is_within = |marker: &&str| {
                answer
                    .match_indices(*marker)
                    .any(|(start, _)| (start + 1..start + marker.len()).contains(&end))
            };
            if markers.iter().any(is_within) {
                continue;
            }
            let mut written = Vec::new();
            let mut rest = &answer[..end];
            let found = |rest: &str| {
                let found = markers.iter().filter_map(|marker| Some((rest.find(marker)?, *marker)));
                found.min()
            };
            while let Some((at, marker)) = found(rest) {
                written.extend([Output::Text(rest[..at].to_owned()), Output::Special(marker)]);
                rest = &rest[at + marker.len()..];
            }
            written.push(Output::Text(rest.to_owned()));
            let (parts, _) = read_cut(&syntax, &written);
            let content = content(&parts);
            assert!(
                said.starts_with(content.trim_end_matches('\n')),
                "{template} {:?}: {parts:?}",
                &answer[..end]
            );
            let whole = parts.iter().filter(|part| matches!(part, Part::Called { .. })).count();
            let begun = parts.iter().filter(|part| matches!(part, Part::Call { .. })).count();
            assert!(begun - whole <= 1, "{parts:?}");
        }
    }
}

#[test]
fn truncated_text_that_is_not_a_call_is_kept() {
    for (template, answer) in [
        (HERMES, "1 + 1 = 2"),
        (HERMES, "a <b> c"),
        (HERMES, "{\"name\": \"add\""),
        (LLAMA, "{\"answer\": [1, 2"),
        (LLAMA, "{\"name\": \"Bob\", \"age\": 4"),
        (LLAMA, "{\"name\": \"Bo"),
        (LLAMA, "{\"type\": \"function\", \"age"),
        (MISTRAL, "[1, 2"),
    ] {
        assert_eq!(read_cut(&Syntax::detect(template), &[Output::Text(answer.into())]).0, [text(answer)]);
    }
    let thinks = [Output::Text("<think>so\n</thi".into())];
    let thought = vec![Part::Reasoning("so".to_owned())];
    assert_eq!(read_cut(&Syntax::detect(HERMES), &thinks), (thought, End::Reasoning));
    assert_eq!(read_cut(&Syntax::detect(HERMES), &[Output::Text("<thi".into())]).0, []);
}

#[test]
fn a_truncated_program_is_not_run() {
    for code in ["weather.call(city=\"Z", "print(1", ""] {
        let written = [Output::Special("<|python_tag|>"), Output::Text(code.to_owned())];
        assert_eq!(read_cut(&Syntax::detect(LLAMA), &written), (vec![], End::Call { index: 0 }), "{code}");
    }
}

#[test]
fn an_unfinished_call_is_left_out() {
    for answer in ["<tool_call>{\"name\": \"add\"", "<tool_call>\n{\"na", "<tool_call>{"] {
        let said = format!("So:\n{answer}");
        assert_eq!(read_text(HERMES, &said), (vec![text("So:")], End::Call { index: 0 }), "{answer}");
    }
    assert_eq!(read_text(LLAMA, "{\"name\": \"add\", "), (vec![], End::Call { index: 0 }));
}

#[test]
fn the_held_whitespace_is_limited() {
    let mut parser = Parser::new(&Syntax::detect(HERMES), tools(), false);
    let said = |parts: Vec<Part>| content(&parts).len();
    assert!(said(parser.push(&" \n".repeat(100))) > 100);
    assert!(said(parser.push("x")) > 0);
    assert!(said(parser.push(&"\n".repeat(100))) > 80);
    let mut thinking = Parser::new(&Syntax::detect(HERMES), tools(), true);
    thinking.push("x");
    assert!(!thinking.push(&"\n".repeat(100)).is_empty());
}

#[test]
fn a_call_inside_a_failed_call_is_found() {
    let answer = "<tool_call>\n<tool_call>{\"name\":\"add\",\"arguments\":\"{\\\"a\\\": 1}\"}</tool_call>";
    let mut expected = vec![text("<tool_call>")];
    expected.extend(call(0, "add", "{\"a\": 1}"));
    assert_eq!(read_text(HERMES, answer), (expected, End::Whole));
}

#[test]
fn arguments_that_stop_being_json_break_the_call_and_the_rest_is_text() {
    let (parts, end) =
        read_text(HERMES, "<tool_call>{\"name\":\"add\",\"arguments\":{\"a\":oops}}</tool_call>");
    let expected = vec![
        Part::Call { index: 0, name: "add".to_owned() },
        Part::Arguments { index: 0, delta: "{\"a\":".to_owned() },
        Part::Broken { index: 0 },
        text("oops}}</tool_call>"),
    ];
    assert_eq!((parts, end), (expected, End::Whole));
}

#[test]
fn a_call_without_arguments_has_an_empty_object() {
    assert_eq!(read_text(HERMES, "<tool_call>{\"name\":\"add\"}</tool_call>").0, call(0, "add", "{}"),);
    assert_eq!(
        read_text(HERMES, "<tool_call>{\"n\":-0.5,\"name\":\"add\",\"arguments\":null,\"id\":1}</tool_call>")
            .0,
        call(0, "add", "{}"),
    );
}

#[test]
fn reasoning_is_separate_and_its_line_breaks_are_trimmed() {
    let expected = vec![Part::Reasoning("a\n\n<tool_call> b".to_owned()), text("So: 1")];
    let answer = "<think>\na\n\n<tool_call> b\n</think>\n\nSo: 1";
    assert_eq!(read_text(HERMES, answer), (expected.clone(), End::Whole));
    let opened = Output::Text(answer.trim_start_matches("<think>").to_owned());
    assert_eq!(read(HERMES, &[opened], true), (expected.clone(), End::Whole));
    assert_eq!(read(HERMES, &[Output::Text(answer.to_owned())], true), (expected, End::Whole));
    assert_eq!(read_text(HERMES, "<think>\n\n</think>\n\nhi"), (vec![text("hi")], End::Whole));
    assert_eq!(read_text(HERMES, "\n <think>so"), (vec![Part::Reasoning("so".to_owned())], End::Reasoning));
    assert_eq!(read_text(HERMES, "no <think>x</think>").0, [text("no <think>x</think>")]);
}

#[test]
fn llama_calls_are_bare_objects_separated_by_semicolons() {
    let answer = " {\"name\": \"add\", \"parameters\": {\"a\": 1}}; {\"type\": \"function\", \"name\": \"weather\", \"parameters\": {}}";
    let expected: Vec<Part> =
        call(0, "add", "{\"a\": 1}").into_iter().chain(call(1, "weather", "{}")).collect();
    assert_eq!(read_text(LLAMA, answer), (expected.clone(), End::Whole));
    let tagged = [Output::Special("<|python_tag|>"), Output::Text(answer.to_owned())];
    assert_eq!(read(LLAMA, &tagged, false), (expected, End::Whole));
    for answer in [
        "{\"name\": \"add\"}",
        "{\"name\": \"Bob\", \"parameters\": {}}",
        "{1",
        "{}",
        "x {\"name\": \"add\", \"parameters\": {}}",
    ] {
        assert_eq!(read_text(LLAMA, answer), (vec![text(answer)], End::Whole));
    }
}

#[test]
fn llamas_tag_is_followed_by_a_built_in_tool_or_a_program() {
    let answer = |code: &str| {
        read(LLAMA, &[Output::Special("<|python_tag|>"), Output::Text(code.to_owned())], false).0
    };
    assert_eq!(
        answer("weather.call(city=\"Z\\\"ü\", days=3)"),
        call(0, "weather", "{\"city\":\"Z\\\"ü\",\"days\":3}")
    );
    assert_eq!(answer("print(1)\n"), call(0, "code_interpreter", "{\"code\":\"print(1)\\n\"}"));
    assert_eq!(read_text(LLAMA, "<|python_tag|>print(1)").0, [text("<|python_tag|>print(1)")]);
}

#[test]
fn mistral_calls_are_a_list_after_a_control_token() {
    let list = "[{\"name\": \"add\", \"arguments\": {\"a\": 1}}, {\"name\": \"add\", \"arguments\": {}, \"id\": \"123456789\"}]";
    let expected: Vec<Part> = call(0, "add", "{\"a\": 1}").into_iter().chain(call(1, "add", "{}")).collect();
    let written = [Output::Special("[TOOL_CALLS]"), Output::Text(list.to_owned())];
    assert_eq!(read(MISTRAL, &written, false), (expected.clone(), End::Whole));
    let spelled = format!("[TOOL_CALLS]{list}");
    assert_eq!(read_text(MISTRAL, &spelled).0, [text(&spelled)]);
    let syntax = Syntax::detect(MISTRAL).with_control(|_| false);
    let mut parser = Parser::new(&syntax, tools(), false);
    assert_eq!(parser.push(&spelled), expected);
}

#[test]
fn without_tools_there_are_no_calls() {
    let answer = "<tool_call>{\"name\":\"add\",\"arguments\":{}}</tool_call>\n";
    let mut parser = Parser::new(&Syntax::detect(HERMES), [], false);
    let mut parts = parser.push(answer);
    parts.extend(parser.finish().0);
    assert_eq!(joined(parts), [text(answer)]);
}

#[test]
fn a_control_token_in_the_middle_of_arguments_breaks_the_call() {
    let written = [
        Output::Text("<tool_call>{\"name\":\"add\",\"arguments\":{".to_owned()),
        Output::Special("<|im_start|>"),
        Output::Text("x".to_owned()),
    ];
    let (parts, _) = read(HERMES, &written, false);
    assert_eq!(parts[2..], [Part::Broken { index: 0 }, text("x")]);
}

fn written() -> impl Strategy<Value = Vec<Output>> {
    const PIECES: [&str; 28] = [
        "<tool_call>",
        "</tool_call>",
        "<think>",
        "</think>",
        "[TOOL_CALLS]",
        "[",
        "]",
        ",",
        ";",
        "\n",
        "\n\n",
        " ",
        "<",
        "</",
        "{",
        "}",
        "{\"name\": \"add\", \"arguments\": ",
        "{\"name\":\"weather\",\"parameters\":{\"c\":\"ü\"}}",
        "\"name\":\"add\"",
        "{\"arguments\": {\"x\": [1, -2e5, true]}, \"name\": \"add\"}",
        "{\"a\": \"<tool_call>{\"}",
        "\"",
        "\\",
        "1",
        "text",
        "🦀",
        "weather.call(a=\"b\")",
        "<tool_call>\n{\"name\": \"add\", \"arguments\": {\"q\": \"</tool_call>\"}}\n</tool_call>",
    ];
    const SPECIALS: [&str; 6] =
        ["<tool_call>", "</tool_call>", "<think>", "</think>", "[TOOL_CALLS]", "<|python_tag|>"];
    let piece = prop_oneof![
        8 => proptest::sample::select(&PIECES[..]).prop_map(|text| Output::Text(text.to_owned())),
        1 => proptest::sample::select(&SPECIALS[..]).prop_map(Output::Special),
    ];
    proptest::collection::vec(piece, 0..14)
}

/// `CORTEX_MUTATIONS` sets how many to try.
fn count() -> u32 {
    std::env::var("CORTEX_MUTATIONS").map_or(4_000, |count| count.parse().unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: count(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn chunks_do_not_show(
        written in written(),
        cuts in proptest::collection::vec(1_usize..9, 1..20),
        template in proptest::sample::select(&[HERMES, LLAMA, MISTRAL][..]),
        in_reasoning: bool,
    ) {
        let mut cuts = cuts.into_iter().cycle();
        let mut chunked = Vec::new();
        for piece in &written {
            let Output::Text(text) = piece else {
                chunked.push(piece.clone());
                continue;
            };
            let chars: Vec<char> = text.chars().collect();
            let mut rest = &chars[..];
            while !rest.is_empty() {
                let (chunk, after) = rest.split_at(cuts.next().unwrap().min(rest.len()));
                chunked.push(Output::Text(chunk.iter().collect()));
                rest = after;
            }
        }
        let whole = read(template, &written, in_reasoning);
        prop_assert_eq!(&whole, &read(template, &chunked, in_reasoning));
        for part in &whole.0 {
            if let Part::Called { index } = part {
                let arguments: String = whole.0.iter().filter_map(|part| match part {
                    Part::Arguments { index: of, delta } if of == index => Some(delta.as_str()),
                    _ => None,
                }).collect();
                prop_assert!(serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(&arguments).is_ok());
            }
        }
    }

    #[test]
    fn plain_text_is_returned_in_full(text in "\\PC*") {
        let mut parser = Parser::new(&Syntax::detect(""), tools(), false);
        let mut parts = parser.push(&text);
        parts.extend(parser.finish().0);
        let back: String = joined(parts).into_iter().map(|part| match part {
            Part::Text(text) => text,
            other => panic!("{other:?}"),
        }).collect();
        prop_assert_eq!(back, text);
    }
}
