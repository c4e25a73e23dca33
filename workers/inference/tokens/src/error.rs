/// Why a tokenizer can't be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error("cannot read {file}: {cause}")]
    Json { file: &'static str, cause: String },
    #[error("tokenizer.json has an unsupported decoder: {0}")]
    Decoder(String),
    #[error(
        "the added token `{text}` is declared with the id {declared}, but its id in the vocabulary is {found:?}"
    )]
    AddedToken { text: String, declared: u32, found: Option<u32> },
    #[error("`{0}` is missing or has the wrong type in the GGUF file")]
    Key(&'static str),
    #[error("unsupported tokenizer model `{0}` (supported: llama, gpt2)")]
    Model(String),
    #[error("unsupported pre-tokenizer `{name}` (supported: {known})")]
    PreTokenizer { name: String, known: String },
    #[error("{key} has {found} entries, but there are {tokens} tokens")]
    Length { key: &'static str, found: usize, tokens: usize },
    #[error("token {token} has the unknown type {kind}")]
    TokenKind { token: usize, kind: i32 },
    #[error("cannot convert token {token} to bytes: `{text}`")]
    Spelling { token: usize, text: String },
    #[error("no token represents a single byte")]
    NoBytes,
    #[error("merge {index} does not combine two tokens into a third: `{merge}`")]
    Merge { index: usize, merge: String },
    #[error("{key} is {token}, but there are only {tokens} tokens")]
    OutOfVocabulary { key: &'static str, token: u64, tokens: usize },
    #[error("the vocabulary must have from 1 to {0} tokens")]
    Size(usize),
    #[error("cannot build the search for the added tokens: {0}")]
    Search(String),
}

/// Why a text can't be encoded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    #[error("the text is too long to encode ({0} bytes)")]
    TooLong(usize),
    #[error("the text has more than {most} tokens")]
    TooMany { most: usize },
    #[error("the vocabulary has no token for {0:?}")]
    Unencodable(char),
    #[error("encoding the text would produce the control token `{0}`")]
    Control(String),
    #[error("the tokenizer failed: {0}")]
    Failed(String),
}
