//! What a model writes, in pieces: the first byte chooses a syntax, then each zero byte ends a
//! piece, which is a control token if it begins with a one.
#![no_main]

use cortex_chat::{Parser, Part, Syntax};
use libfuzzer_sys::fuzz_target;

const TEMPLATES: [&str; 3] =
    ["<tool_call> <think> </think>", "Environment: ipython \"parameters\": ", "[TOOL_CALLS]"];

fuzz_target!(|bytes: &[u8]| {
    let Some((&first, answer)) = bytes.split_first() else { return };
    let syntax = Syntax::detect(TEMPLATES[usize::from(first) % TEMPLATES.len()]);
    let tools = ["add", "weather"].map(str::to_owned);
    let mut parser = Parser::new(&syntax, tools, first & 0x80 != 0);
    let mut parts = Vec::new();
    for piece in answer.split(|&byte| byte == 0) {
        parts.extend(match piece {
            [1, token @ ..] => parser.special(&String::from_utf8_lossy(token)),
            text => parser.push(&String::from_utf8_lossy(text)),
        });
    }
    let (rest, _) = parser.finish();
    parts.extend(rest);
    // A call begins, is written and ends, one after the other.
    let mut open = None;
    for part in parts {
        match part {
            Part::Call { index, .. } => assert_eq!(open.replace(index), None),
            Part::Arguments { index, .. } => assert_eq!(open, Some(index)),
            Part::Called { index } => assert_eq!(open.take(), Some(index)),
            _ => {}
        }
    }
});
