//! Conversations to prompts by a model's own template, and answers back to messages.
