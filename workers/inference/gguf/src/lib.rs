//! Reads GGUF files, and believes nothing they say before it is checked.
