//! System prompts of the operator that all tenants may find in the cache.

use cortex_api::chat;
use cortex_chat::{Conversation, Message, Now, Options, Role, Template};
use cortex_tokens::Tokenizer;

use super::escape::Escaper;

/// The operator's system prompts.
#[derive(Debug, Default)]
pub(super) struct SharedPrompts {
    texts: Vec<String>,
}

impl SharedPrompts {
    pub(super) fn new(texts: Vec<String>) -> Self {
        let texts = texts.into_iter().map(|text| text.trim().to_owned());
        Self { texts: texts.filter(|text| !text.is_empty()).collect() }
    }

    /// Returns how many of a prompt's first tokens come only from one of the texts and the
    /// template. It compares the prompt with one that contains nothing from a caller.
    pub(super) fn count(
        &self,
        messages: &[chat::Message],
        tokens: &[u32],
        now: Now,
        (template, plain, tokenizer): (&Template, &Escaper, &Tokenizer),
    ) -> usize {
        let Some(chat::Message::System { content, .. }) = messages.first() else { return 0 };
        let begun = self.texts.iter().filter(|text| content.trim_start().starts_with(text.as_str()));
        let Some(text) = begun.max_by_key(|text| text.len()) else { return 0 };
        // Some templates require a user's message, or put the system prompt into it.
        let messages = [(Role::System, text.as_str()), (Role::User, "")];
        let messages = messages.map(|(role, text)| Message::text(role, plain.mark(text)));
        let alone = Conversation { messages: messages.into() };
        let Ok(prompt) = template.render(&alone, &Options::at(now)) else { return 0 };
        let Ok(own) = plain.encode(tokenizer, &prompt, usize::MAX) else { return 0 };
        tokens.iter().zip(&own).take_while(|(token, own)| token == own).count()
    }
}
