//! `POST /v1/embeddings`, in OpenAI's format.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cortex_domain::id::ModelName;
use serde::{Deserialize, Serialize};

use super::parameters::{Parameters, wrong};
use crate::body::Checked;
use crate::problem::Problem;
use cortex_domain::ErrorCode;

/// Maximum number of texts in a request.
pub const MAX_INPUTS: usize = 2048;
/// Greater than the number of dimensions of any model.
pub(crate) const MAX_DIMENSIONS: i64 = 1 << 16;

/// The encoding of vectors.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename_all = "lowercase", inline))]
pub enum Encoding {
    /// Lists of numbers.
    #[default]
    Float,
    /// Little-endian 32-bit floats in base64.
    Base64,
}

/// A request to embed texts.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
pub struct EmbeddingsRequest {
    /// The name of a model. `GET /v1/models` lists the models.
    #[serde(with = "crate::text")]
    #[cfg_attr(feature = "schema", schemars(with = "ModelName"))]
    pub model: ModelName,
    /// 1 to 2048 non-empty texts.
    #[cfg_attr(feature = "schema", schemars(with = "Input"))]
    pub input: Vec<String>,
    /// The encoding of vectors.
    #[cfg_attr(feature = "schema", schemars(rename = "encoding_format", with = "Option<Encoding>"))]
    pub encoding: Encoding,
    /// Shorter vectors than the model's default, for models that support it.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = MAX_DIMENSIONS)))]
    pub dimensions: Option<u32>,
    /// Whether to truncate a text that is longer than the model's limit. Otherwise it is an error.
    #[cfg_attr(feature = "schema", schemars(with = "Option<bool>"))]
    pub truncate: bool,
    /// The caller's name for its end user.
    pub user: Option<String>,
}

impl EmbeddingsRequest {
    /// Parses and validates a body: size, content type, depth, syntax, secrets, then every
    /// parameter.
    ///
    /// # Errors
    /// Returns a problem that names the invalid parameter. An unsupported parameter is an error and
    /// is never ignored.
    pub fn parse(body: Checked<'_>) -> Result<Self, Problem> {
        let mut parameters = Parameters::body(body)?;
        let request = Self {
            model: parameters.required::<String>("model", "a string")?.parse().map_err(|_| {
                Problem::new(ErrorCode::UnknownModel, "invalid `model`: must be the name of a model")
                    .at("model")
            })?,
            input: input(
                parameters.required("input", "a string or a list of strings; tokens are not supported")?,
            )?,
            encoding: match parameters.optional::<String>("encoding_format", "a string")?.as_deref() {
                None | Some("float") => Encoding::Float,
                Some("base64") => Encoding::Base64,
                Some(_) => {
                    return Err(wrong(
                        "encoding_format",
                        "invalid `encoding_format`: must be `float` \
                        or `base64`",
                    ));
                }
            },
            dimensions: parameters
                .whole("dimensions", 1, MAX_DIMENSIONS)?
                .and_then(|n| u32::try_from(n).ok()),
            truncate: parameters.optional("truncate", "true or false")?.unwrap_or(false),
            user: parameters.optional("user", "a string")?,
        };
        parameters.none_left(|_| None)?;
        Ok(request)
    }
}

#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(inline))]
#[serde(untagged)]
enum Input {
    One(#[cfg_attr(feature = "schema", schemars(length(min = 1)))] String),
    Many(
        #[cfg_attr(feature = "schema", schemars(length(min = 1, max = MAX_INPUTS), inner(length(min = 1))))]
        Vec<String>,
    ),
}

fn input(input: Input) -> Result<Vec<String>, Problem> {
    let texts = match input {
        Input::One(text) => vec![text],
        Input::Many(texts) => texts,
    };
    if texts.is_empty() || texts.len() > MAX_INPUTS {
        return Err(wrong("input", format!("invalid `input`: must have 1 to {MAX_INPUTS} strings")));
    }
    match texts.iter().position(String::is_empty) {
        Some(at) => Err(wrong("input", format!("invalid `input`: string {at} must not be empty"))),
        None => Ok(texts),
    }
}

/// The vectors of the texts.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct EmbeddingsResponse {
    /// Always `list`.
    #[cfg_attr(feature = "schema", schemars(extend("const" = "list")))]
    pub object: String,
    /// In the order of the inputs.
    pub data: Vec<EmbeddingView>,
    pub model: String,
    pub usage: Usage,
    /// Present if the request allows truncation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cortex: Option<EmbeddingsNotes>,
}

/// Additions to OpenAI's format.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct EmbeddingsNotes {
    /// The indexes of the truncated texts.
    pub truncated: Vec<usize>,
}

impl EmbeddingsResponse {
    #[must_use]
    pub fn new(model: &ModelName, vectors: &[Vec<f32>], encoding: Encoding, tokens: u64) -> Self {
        let view = |(index, vector): (usize, &Vec<f32>)| EmbeddingView {
            object: "embedding".to_owned(),
            index,
            embedding: Vector::encode(vector, encoding),
        };
        Self {
            object: "list".to_owned(),
            data: vectors.iter().enumerate().map(view).collect(),
            model: model.to_string(),
            usage: Usage { prompt_tokens: tokens, total_tokens: tokens },
            cortex: None,
        }
    }

    /// Adds the indexes of the truncated texts.
    #[must_use]
    pub fn with_truncated(self, truncated: Vec<usize>) -> Self {
        Self { cortex: Some(EmbeddingsNotes { truncated }), ..self }
    }
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct EmbeddingView {
    /// Always `embedding`.
    #[cfg_attr(feature = "schema", schemars(extend("const" = "embedding")))]
    pub object: String,
    pub index: usize,
    pub embedding: Vector,
}

/// A vector in either encoding.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(inline))]
#[serde(untagged)]
pub enum Vector {
    Float(Vec<f32>),
    /// Little-endian 32-bit floats in base64.
    #[cfg_attr(feature = "schema", schemars(extend("format" = "byte")))]
    Base64(String),
}

impl Vector {
    #[must_use]
    pub fn encode(values: &[f32], encoding: Encoding) -> Self {
        match encoding {
            Encoding::Float => Self::Float(values.to_vec()),
            Encoding::Base64 => Self::Base64(
                STANDARD.encode(values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>()),
            ),
        }
    }

    /// Returns the numbers, or `None` if the base64 does not contain whole 32-bit floats.
    #[must_use]
    pub fn decode(&self) -> Option<Vec<f32>> {
        match self {
            Self::Float(values) => Some(values.clone()),
            Self::Base64(text) => {
                let bytes = STANDARD.decode(text).ok()?;
                let (floats, rest) = bytes.as_chunks();
                rest.is_empty().then(|| floats.iter().map(|four| f32::from_le_bytes(*four)).collect())
            }
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "EmbeddingsUsage"))]
pub struct Usage {
    pub prompt_tokens: u64,
    pub total_tokens: u64,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(body: &str) -> Result<EmbeddingsRequest, Problem> {
        EmbeddingsRequest::parse(Checked::trust(body.as_bytes()))
    }

    #[test]
    fn one_text_or_many_are_taken() {
        assert_eq!(parse(r#"{"model":"m","input":"a"}"#).unwrap().input, ["a"]);
        let request = parse(
            r#"{"model":"m","input":["a","b"],"encoding_format":"base64","dimensions":8.0,"user":"u"}"#,
        )
        .unwrap();
        assert_eq!(request.input, ["a", "b"]);
        assert_eq!((request.encoding, request.dimensions), (Encoding::Base64, Some(8)));
        assert_eq!(request.user.as_deref(), Some("u"));
    }

    #[test]
    fn a_long_text_is_cut_only_where_that_is_asked_for_and_the_answer_says_so() {
        let cut = |fields: &str| parse(&format!(r#"{{"model":"m","input":"a"{fields}}}"#)).unwrap().truncate;
        assert_eq!(["", r#","truncate":false"#, r#","truncate":null"#].map(cut), [false; 3]);
        assert!(cut(r#","truncate":true"#));
        let whole = EmbeddingsResponse::new(&"m".parse().unwrap(), &[vec![1.0]], Encoding::Float, 1);
        assert!(!serde_json::to_string(&whole).unwrap().contains("cortex"));
        let cut = serde_json::to_value(whole.with_truncated(vec![0])).unwrap();
        assert_eq!(cut["cortex"], serde_json::json!({"truncated": [0]}));
    }

    #[test]
    fn each_wrong_parameter_is_named() {
        let many = serde_json::to_string(&vec!["a"; MAX_INPUTS + 1]).unwrap();
        for (fields, param) in [
            (r#""input":"a""#.to_owned(), "model"),
            (r#""model":"m""#.to_owned(), "input"),
            (r#""model":"m m","input":"a""#.to_owned(), "model"),
            (r#""model":"m","input":[]"#.to_owned(), "input"),
            (r#""model":"m","input":"""#.to_owned(), "input"),
            (r#""model":"m","input":[1,2]"#.to_owned(), "input"),
            (r#""model":"m","input":[[1],[2]]"#.to_owned(), "input"),
            (r#""model":"m","input":{}"#.to_owned(), "input"),
            (format!(r#""model":"m","input":{many}"#), "input"),
            (r#""model":"m","input":"a","encoding_format":"hex""#.to_owned(), "encoding_format"),
            (r#""model":"m","input":"a","dimensions":0"#.to_owned(), "dimensions"),
            (r#""model":"m","input":"a","dimensions":"8""#.to_owned(), "dimensions"),
            (r#""model":"m","input":"a","truncate":"END""#.to_owned(), "truncate"),
            (r#""model":"m","input":"a","truncate":1"#.to_owned(), "truncate"),
            (r#""model":"m","input":"a","truncation_direction":"Left""#.to_owned(), "truncation_direction"),
        ] {
            let problem = parse(&format!("{{{fields}}}")).unwrap_err();
            assert_eq!(problem.extensions["param"], param, "{fields}");
        }
        let tokens = parse(r#"{"model":"m","input":[1]}"#).unwrap_err();
        assert!(tokens.detail.contains("tokens"), "{}", tokens.detail);
    }

    proptest! {
        #[test]
        fn vectors_read_back_in_either_encoding(values in proptest::collection::vec(-1.0f32..1.0, 0..64)) {
            for encoding in [Encoding::Float, Encoding::Base64] {
                let json = serde_json::to_string(&Vector::encode(&values, encoding)).unwrap();
                let read: Vector = serde_json::from_str(&json).unwrap();
                prop_assert_eq!(read.decode(), Some(values.clone()));
            }
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = EmbeddingsRequest::parse(Checked::trust(&bytes));
        }
    }
}
