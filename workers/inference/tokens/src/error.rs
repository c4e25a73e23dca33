/// Why a tokenizer isn't loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error("{file} can't be read: {cause}")]
    Json { file: &'static str, cause: String },
    #[error("tokenizer.json has a decoder that is not supported: {0}")]
    Decoder(String),
    #[error("the added token `{text}` is declared as {declared}, but the vocabulary has it as {found:?}")]
    AddedToken { text: String, declared: u32, found: Option<u32> },
    #[error("`{0}` is missing or of the wrong type in the gguf file")]
    Key(&'static str),
    #[error("the tokenizer model `{0}` is not supported: llama and gpt2 are")]
    Model(String),
    #[error("the pre-tokenizer `{name}` is not supported (supported: {known})")]
    PreTokenizer { name: String, known: String },
    #[error("{key} has {found} entries for {tokens} tokens")]
    Length { key: &'static str, found: usize, tokens: usize },
    #[error("the token {token} has the unknown type {kind}")]
    Kind { token: usize, kind: i32 },
    #[error("the token {token} can't be spelled in bytes: `{text}`")]
    Spelling { token: usize, text: String },
    #[error("no token stands for a single byte")]
    NoBytes,
    #[error("merge {index} is not of two tokens that make a third: `{merge}`")]
    Merge { index: usize, merge: String },
    #[error("{key} names the token {token}, but there are {tokens}")]
    OutOfVocabulary { key: &'static str, token: u64, tokens: usize },
    #[error("the vocabulary is empty or has more than {0} tokens")]
    Size(usize),
    #[error("the added tokens can't be searched for: {0}")]
    Search(String),
}

/// Why a text isn't encoded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    #[error("a text of {0} bytes is too long to encode")]
    TooLong(usize),
    #[error("the text has more than {most} tokens")]
    TooMany { most: usize },
    #[error("the vocabulary has no token for {0:?}")]
    Unencodable(char),
    #[error("the text would become the control token `{0}`")]
    Control(String),
    #[error("the tokenizer failed: {0}")]
    Failed(String),
}
