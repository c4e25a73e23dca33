/// Why a file can't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GgufError {
    #[error("not a GGUF file: it doesn't begin with `GGUF`")]
    Magic,
    #[error("big-endian GGUF files are not supported: convert the file to little endian")]
    BigEndian,
    #[error("GGUF version {0} is not supported (expected 2 or 3)")]
    Version(u32),
    #[error("the file ends inside {what}: {wanted} bytes are needed, but {left} are left")]
    Truncated { what: &'static str, wanted: u64, left: usize },
    #[error("{what} is not UTF-8")]
    NotUtf8 { what: &'static str },
    #[error("duplicate key `{key}`")]
    DuplicateKey { key: String },
    #[error("`{key}` has the unknown value type {kind}")]
    UnknownValue { key: String, kind: u32 },
    #[error("`{key}` is an array of arrays, which is not supported")]
    NestedArray { key: String },
    #[error("`{key}` is a bool with the value {value}: it must be 0 or 1")]
    NotBool { key: String, value: u8 },
    #[error("general.alignment must be a power of two as a u32, not {0}")]
    Alignment(String),
    #[error("duplicate tensor `{name}`")]
    DuplicateTensor { name: String },
    #[error("the tensor `{name}` has {dimensions} dimensions: it must have 1 to 4")]
    Dimensions { name: String, dimensions: u32 },
    #[error("the tensor `{name}` has the unknown type {kind}")]
    UnknownTensor { name: String, kind: u32 },
    #[error("the tensor `{name}` has the shape {shape:?}, which is empty")]
    Empty { name: String, shape: Vec<u64> },
    #[error("the tensor `{name}` has the shape {shape:?}, which is too large to address")]
    TooLarge { name: String, shape: Vec<u64> },
    #[error(
        "the tensor `{name}` has rows of {row} weights, not a multiple of the {block} in a block of {format}"
    )]
    PartialBlock { name: String, row: u64, block: u64, format: &'static str },
    #[error("the tensor `{name}` begins at {offset}, which is not a multiple of the alignment {alignment}")]
    Misaligned { name: String, offset: u64, alignment: u32 },
    #[error("the tensor `{name}` ends at byte {end}, but the file has {length}")]
    OutOfFile { name: String, end: u64, length: usize },
    #[error("the tensors `{first}` and `{second}` overlap")]
    Overlap { first: String, second: String },
}
