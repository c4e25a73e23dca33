//! A `tokenizer.json`, and after a zero byte a `tokenizer_config.json`.
#![no_main]

use cortex_tokens::{Specials, Tokenizer};
use libfuzzer_sys::fuzz_target;

// A panic below is caught and returned as an error. Only a panic that gets through counts.
fuzz_target!(init: std::panic::set_hook(Box::new(|_| {})), |bytes: &[u8]| {
    let mut files = bytes.splitn(2, |&byte| byte == 0);
    let tokenizer = files.next().unwrap_or_default();
    if let Ok(tokenizer) = Tokenizer::from_hugging_face(tokenizer, files.next(), &[2]) {
        let tokens = tokenizer.encode("hi <s>\u{e9}\n", Specials::Plain, true).unwrap_or_default();
        tokenizer.decode(&tokens);
    }
});
