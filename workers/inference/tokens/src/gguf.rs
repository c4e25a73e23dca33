//! Loads a tokenizer from a GGUF file's metadata.

use cortex_gguf::{Array, Gguf, Value};

use crate::LoadError;
use crate::added::Added;
use crate::bpe::Bpe;
use crate::pre_tokenizer::PreTokenizer;
use crate::spm::Spm;
use crate::tokenizer::{Encoder, Tokenizer};
use crate::vocabulary::{LeadingSpace, Spelling, TokenKind, Vocabulary};

const TOKENS: &str = "tokenizer.ggml.tokens";
const KINDS: &str = "tokenizer.ggml.token_type";
const SCORES: &str = "tokenizer.ggml.scores";
const MERGES: &str = "tokenizer.ggml.merges";

pub(crate) fn load(gguf: &Gguf) -> Result<Tokenizer, LoadError> {
    let model = text(gguf, "tokenizer.ggml.model")?;
    let (mut vocabulary, encoder) = match model {
        "llama" => spm(gguf)?,
        "gpt2" => bpe(gguf)?,
        other => return Err(LoadError::Model(other.to_owned())),
    };
    vocabulary.chat_template = match gguf.get("tokenizer.chat_template") {
        None => None,
        Some(_) => Some(text(gguf, "tokenizer.chat_template")?.to_owned()),
    };
    Ok(Tokenizer::new(vocabulary, encoder))
}

fn spm(gguf: &Gguf) -> Result<(Vocabulary, Encoder), LoadError> {
    let mut vocabulary = vocabulary(gguf, Spelling::SentencePiece)?;
    let Some(Value::Array(Array::F32(scores))) = gguf.get(SCORES) else {
        return Err(LoadError::Key(SCORES));
    };
    check_length(SCORES, scores.len(), vocabulary.len())?;
    vocabulary.adds_bos = flag(gguf, "tokenizer.ggml.add_bos_token")?.unwrap_or(true);
    if flag(gguf, "tokenizer.ggml.add_space_prefix")?.unwrap_or(true) {
        vocabulary.leading_space = LeadingSpace::Sections;
    }
    let model = Spm::new(&vocabulary, scores);
    let added = Added::of(&vocabulary)?;
    Ok((vocabulary, Encoder::Spm { model, added }))
}

fn bpe(gguf: &Gguf) -> Result<(Vocabulary, Encoder), LoadError> {
    let pre_tokenizer = PreTokenizer::named(text(gguf, "tokenizer.ggml.pre")?)?;
    let mut vocabulary = vocabulary(gguf, Spelling::ByteLevel)?;
    let merges = gguf.get(MERGES).and_then(Value::as_strings).ok_or(LoadError::Key(MERGES))?;
    vocabulary.adds_bos = flag(gguf, "tokenizer.ggml.add_bos_token")?.unwrap_or(pre_tokenizer.adds_bos());
    let model = Bpe::new(&vocabulary, merges, pre_tokenizer)?;
    let added = Added::of(&vocabulary)?;
    Ok((vocabulary, Encoder::Bpe { model, added }))
}

fn vocabulary(gguf: &Gguf, spelling: Spelling) -> Result<Vocabulary, LoadError> {
    let texts = gguf.get(TOKENS).and_then(Value::as_strings).ok_or(LoadError::Key(TOKENS))?;
    let kinds = kinds(gguf, texts)?;
    let bos = id(gguf, "tokenizer.ggml.bos_token_id", texts.len())?;
    let mut ends = Vec::new();
    for key in ["tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id"] {
        ends.extend(id(gguf, key, texts.len())?.filter(|end| !ends.contains(end)));
    }
    Vocabulary::new(texts.iter().cloned().zip(kinds).collect(), spelling, ends, bos)
}

fn kinds(gguf: &Gguf, texts: &[String]) -> Result<Vec<TokenKind>, LoadError> {
    let numbers = match gguf.get(KINDS) {
        None => return Ok(vec![TokenKind::Normal; texts.len()]),
        Some(Value::Array(Array::I32(numbers))) => numbers,
        Some(_) => return Err(LoadError::Key(KINDS)),
    };
    check_length(KINDS, numbers.len(), texts.len())?;
    let kinds = numbers.iter().zip(texts).enumerate().map(|(token, (&number, text))| match number {
        0 | 1 => Ok(TokenKind::Normal),
        2 => Ok(TokenKind::Unknown),
        3 => Ok(TokenKind::Control),
        4 if is_filler(text, token) => Ok(TokenKind::Unused),
        4 => Ok(TokenKind::Added),
        5 => Ok(TokenKind::Unused),
        6 => Ok(TokenKind::Byte),
        kind => Err(LoadError::TokenKind { token, kind }),
    });
    kinds.collect()
}

/// Converters fill unused rows with `[PAD<row>]` and mark some of them as tokens to be found in
/// texts.
fn is_filler(text: &str, token: usize) -> bool {
    let row = text.strip_prefix("[PAD").and_then(|rest| rest.strip_suffix(']'));
    row.is_some_and(|row| row == token.to_string())
}

fn check_length(key: &'static str, found: usize, tokens: usize) -> Result<(), LoadError> {
    if found == tokens { Ok(()) } else { Err(LoadError::Length { key, found, tokens }) }
}

fn text<'a>(gguf: &'a Gguf, key: &'static str) -> Result<&'a str, LoadError> {
    gguf.get(key).and_then(Value::as_str).ok_or(LoadError::Key(key))
}

fn flag(gguf: &Gguf, key: &'static str) -> Result<Option<bool>, LoadError> {
    gguf.get(key).map(|value| value.as_bool().ok_or(LoadError::Key(key))).transpose()
}

fn id(gguf: &Gguf, key: &'static str, tokens: usize) -> Result<Option<u32>, LoadError> {
    let Some(value) = gguf.get(key) else { return Ok(None) };
    let token = value.as_u64().ok_or(LoadError::Key(key))?;
    match u32::try_from(token) {
        Ok(id) if (id as usize) < tokens => Ok(Some(id)),
        _ => Err(LoadError::OutOfVocabulary { key, token, tokens }),
    }
}
