//! A chat template.
#![no_main]

use cortex_chat::{CompileError, Conversation, Now, Options, RenderError, SpecialTokens, Syntax, Template};
use libfuzzer_sys::fuzz_target;

const CONVERSATION: &str = r#"[
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "What is 1 + 1?"},
    {"role": "assistant", "content": "", "tool_calls": [
        {"id": "abcdefghi", "type": "function", "function": {"name": "add", "arguments": {"a": 1, "b": [1.5, null]}}}]},
    {"role": "tool", "content": "2", "name": "add", "tool_call_id": "abcdefghi"}
]"#;

fuzz_target!(|source: &str| {
    Syntax::detect(source);
    let conversation: Conversation = serde_json::from_str(CONVERSATION).expect("a sound conversation");
    match Template::compile(source, SpecialTokens::new()) {
        Ok(template) => {
            match template.render(&conversation, &Options::at(Now::from_unix(1_770_091_506, 0))) {
                Err(RenderError::Broken(why)) => panic!("{why}"),
                Ok(_) | Err(_) => {}
            }
        }
        Err(CompileError::Broken(why)) => panic!("{why}"),
        Err(_) => {}
    }
});
