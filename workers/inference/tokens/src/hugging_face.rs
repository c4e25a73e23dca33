//! Loads a tokenizer from Hugging Face's files.

mod bound;
mod config;
mod shared;
mod spelling;

use std::sync::Arc;

use serde_json::{Value, json};
use tokenizers::{
    DecoderWrapper, ModelWrapper, NormalizerWrapper, PostProcessorWrapper, PreTokenizerWrapper, TokenizerImpl,
};

use crate::budget::TokenBudget;
use crate::tokenizer::{Encoder, Tokenizer};
use crate::vocabulary::{self, TokenKind, Vocabulary};
use crate::{EncodeError, LoadError, Specials};
use config::Config;
use shared::SharedModel;

type Pipeline<Model> =
    TokenizerImpl<Model, NormalizerWrapper, PreTokenizerWrapper, PostProcessorWrapper, DecoderWrapper>;

/// Two pipelines of the `tokenizers` crate that share one model: one treats control tokens as text,
/// the other doesn't.
#[derive(Debug)]
pub(crate) struct HuggingFace {
    parse: Pipeline<SharedModel>,
    plain: Pipeline<SharedModel>,
    keeps_bytes: bool,
}

const FILE: &str = "tokenizer.json";

pub(crate) fn load(
    tokenizer_json: &[u8],
    tokenizer_config: Option<&[u8]>,
    ends: &[u32],
) -> Result<Tokenizer, LoadError> {
    let config = tokenizer_config.map(Config::parse).transpose()?.unwrap_or_default();
    let mut json: Value = serde_json::from_slice(tokenizer_json).map_err(unreadable)?;
    normalise(&mut json, &config, ends)?;
    let settled = serde_json::to_vec(&json).map_err(unreadable)?;
    let contradictory = |cause| LoadError::Json { file: FILE, cause };
    let pipeline = catch_panic(|| Pipeline::<ModelWrapper>::from_bytes(settled)).map_err(contradictory)?;
    let mut vocabulary = read_vocabulary(&pipeline, &json, &config)?;
    add_ends(&mut vocabulary, ends)?;
    let encoder =
        catch_panic(|| HuggingFace::new(&pipeline, bound::keeps_bytes(&json))).map_err(contradictory)?;
    let begins = catch_panic(|| encoder.parse.encode_fast("", true)).map_err(contradictory)?;
    let first = begins.get_ids().first().copied();
    vocabulary.bos = vocabulary.bos.or(first.filter(|&id| vocabulary.kind(id) == TokenKind::Control));
    vocabulary.adds_bos = config.add_bos_token.unwrap_or(first.is_some() && first == vocabulary.bos);
    vocabulary.leading_space = spelling::leading_space(&json);
    vocabulary.chat_template = config.chat_template();
    Ok(Tokenizer::new(vocabulary, Encoder::HuggingFace(Box::new(encoder))))
}

/// Normalises the file for use with a language model: disables truncation, padding and randomness,
/// merges the added tokens of both files, and turns the tokens that end a generation into control
/// tokens, regardless of the file.
fn normalise(json: &mut Value, config: &Config, ends: &[u32]) -> Result<(), LoadError> {
    let malformed =
        |what: &str| LoadError::Json { file: FILE, cause: format!("{what} is missing or malformed") };
    let file = json.as_object_mut().ok_or_else(|| malformed("the object"))?;
    file.insert("truncation".to_owned(), Value::Null);
    file.insert("padding".to_owned(), Value::Null);
    let model = file.get_mut("model").and_then(Value::as_object_mut).ok_or_else(|| malformed("`model`"))?;
    if model.contains_key("dropout") {
        model.insert("dropout".to_owned(), Value::Null);
    }
    let added = file.entry("added_tokens").or_insert_with(|| json!([]));
    let added = added.as_array_mut().ok_or_else(|| malformed("`added_tokens`"))?;
    let known: Vec<Value> = added.iter().map(|token| token["content"].clone()).collect();
    let missing = config.added_tokens()?.into_iter().filter(|token| !known.contains(&token["content"]));
    added.extend(missing);
    for token in added {
        let text = token["content"].as_str().ok_or_else(|| malformed("an added token's `content`"))?;
        let ends = token["id"].as_u64().is_some_and(|id| ends.iter().any(|&end| u64::from(end) == id));
        if ends || vocabulary::is_end(text) || config.eos() == Some(text) || config.bos() == Some(text) {
            token["special"] = Value::Bool(true);
        }
    }
    Ok(())
}

fn read_vocabulary(
    pipeline: &Pipeline<ModelWrapper>,
    json: &Value,
    config: &Config,
) -> Result<Vocabulary, LoadError> {
    let ids = pipeline.get_vocab(true);
    for token in json["added_tokens"].as_array().into_iter().flatten() {
        let text = token["content"].as_str().unwrap_or_default();
        let (declared, found) = (token["id"].as_u64().unwrap_or(u64::MAX), ids.get(text).copied());
        if found.map(u64::from) != Some(declared) {
            let declared = u32::try_from(declared).unwrap_or(u32::MAX);
            return Err(LoadError::AddedToken { text: text.to_owned(), declared, found });
        }
    }
    let (spelling, has_bytes) = spelling::of(&json["decoder"])?;
    let length = ids.values().max().map_or(0, |&last| last as usize + 1);
    if length > vocabulary::MAX_TOKENS {
        return Err(LoadError::Size(vocabulary::MAX_TOKENS));
    }
    let unknown = json["model"]["unk_token"].as_str().map(str::to_owned);
    let unknown_id = json["model"]["unk_id"].as_u64();
    let added = pipeline.get_added_tokens_decoder();
    let mut tokens = vec![(String::new(), TokenKind::Unused); length];
    for (text, id) in ids {
        let kind = match added.get(&id) {
            _ if unknown.as_ref() == Some(&text) || unknown_id == Some(id.into()) => TokenKind::Unknown,
            Some(token) if token.special => TokenKind::Control,
            Some(_) => TokenKind::Added,
            None if has_bytes && vocabulary::byte(&text).is_some() => TokenKind::Byte,
            None => TokenKind::Normal,
        };
        tokens[id as usize] = (text, kind);
    }
    let id = |text: Option<&str>| text.and_then(|text| pipeline.token_to_id(text));
    Vocabulary::new(tokens, spelling, id(config.eos()).into_iter().collect(), id(config.bos()))
}

/// Adds further end tokens. Those that are ordinary words remain words in users' text.
fn add_ends(vocabulary: &mut Vocabulary, ends: &[u32]) -> Result<(), LoadError> {
    for &end in ends {
        if vocabulary.kind(end) == TokenKind::Unused {
            let (token, tokens) = (end.into(), vocabulary.len());
            return Err(LoadError::OutOfVocabulary { key: "eos_token_id", token, tokens });
        }
        if !vocabulary.ends.contains(&end) {
            vocabulary.ends.push(end);
        }
    }
    Ok(())
}

impl HuggingFace {
    fn new(pipeline: &Pipeline<ModelWrapper>, keeps_bytes: bool) -> tokenizers::Result<Self> {
        let model = SharedModel(Arc::new(pipeline.get_model().clone()));
        let over = |model: SharedModel| -> tokenizers::Result<_> {
            let mut over = Pipeline::new(model);
            over.with_normalizer(pipeline.get_normalizer().cloned())?
                .with_pre_tokenizer(pipeline.get_pre_tokenizer().cloned())
                .with_post_processor(pipeline.get_post_processor().cloned())
                .with_added_vocabulary(pipeline.get_added_vocabulary().clone());
            Ok(over)
        };
        let (parse, mut plain) = (over(model.clone())?, over(model)?);
        plain.set_encode_special_tokens(true);
        Ok(Self { parse, plain, keeps_bytes })
    }

    pub(crate) fn encode(
        &self,
        vocabulary: &Vocabulary,
        text: &str,
        specials: Specials,
        out: &mut TokenBudget,
    ) -> Result<(), EncodeError> {
        let pipeline = match specials {
            Specials::Parse => &self.parse,
            Specials::Plain => &self.plain,
        };
        if self.keeps_bytes {
            out.check(text.len())?;
        }
        let encoding = catch_panic(|| pipeline.encode_fast(text, false)).map_err(EncodeError::Failed)?;
        let ids = encoding.get_ids();
        // In some vocabularies, merging can produce a control token.
        let control = ids.iter().find(|&&id| vocabulary.kind(id) == TokenKind::Control);
        match control {
            Some(&id) if specials == Specials::Plain => {
                Err(EncodeError::Control(vocabulary.text(id).to_owned()))
            }
            _ => out.extend(ids.iter().copied()),
        }
    }
}

/// The crate panics on some files with inconsistent contents.
fn catch_panic<T>(work: impl FnOnce() -> tokenizers::Result<T>) -> Result<T, String> {
    match std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)) {
        Ok(result) => result.map_err(|error| error.to_string()),
        Err(_) => Err("the file contradicts itself".to_owned()),
    }
}

fn unreadable(error: serde_json::Error) -> LoadError {
    LoadError::Json { file: FILE, cause: error.to_string() }
}
