//! How each model family splits texts into words, by the pre-tokenizer names in GGUF files.

use Leftover::{Last, LastInLine, Nothing};

/// How a family splits words.
#[derive(Debug)]
pub(super) struct Family {
    /// The values of `tokenizer.ggml.pre`.
    pub(super) names: &'static [&'static str],
    /// Applied one after the other, each within the parts that the previous one made.
    pub(super) stages: &'static [(&'static str, Leftover)],
    /// Whether text is first converted to NFC.
    pub(super) composes: bool,
    /// Whether a word that is itself a token skips the merges.
    pub(super) whole_words: bool,
    /// Whether texts begin with bos if the file doesn't say.
    pub(super) adds_bos: bool,
}

/// What a whitespace-only match of several characters leaves for the following word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leftover {
    Nothing,
    /// The last character of any kind.
    Last,
    /// The last character unless it ends a line.
    LastInLine,
}

/// The family with that name.
pub(super) fn named(name: &str) -> Option<&'static Family> {
    FAMILIES.iter().find(|family| family.names.contains(&name))
}

/// All names in alphabetical order.
pub(super) fn names() -> Vec<&'static str> {
    let mut names: Vec<_> = FAMILIES.iter().flat_map(|family| family.names).copied().collect();
    names.sort_unstable();
    names
}

const GPT2: (&str, Leftover) = (r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+", Last);
const DIGIT: (&str, Leftover) = (r"\p{N}", Nothing);
const THREE_DIGITS: (&str, Leftover) = (r"\p{N}{1,3}", Nothing);
const ENDS_OF_LINES: (&str, Leftover) = (r"[\r\n]", Nothing);
/// With the same gaps as in the tokenizer's own file, which reach from the end of Samaritan to the
/// first Han character.
const HAN_AND_HANGUL: (&str, Leftover) = ("[\u{4e00}-\u{9fa5}\u{800}-\u{4e00}\u{ac00}-\u{d7ff}]+", Nothing);
const LLAMA3: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+";
const QWEN2: &str =
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+";
const QWEN35: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+";
const TEKKEN: &str = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+";
const GPT4O: &str = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+";
/// Letters of alphabets with upper and lower case, as far as the tokenizer's authors listed them.
const CASED: &str = r"\s?[\p{LC}&&[\x00-\x{55f}\x{10a0}-\x{10c5}\x{13a0}-\x{13fd}\x{1c90}-\x{1cbf}\x{1d00}-\x{1d9a}\x{1e00}-\x{2188}\x{2c00}-\x{2cf3}\x{a640}-\x{a78e}\x{ab70}-\x{abbf}\x{fb00}-\x{fb17}\x{ff21}-\x{ff5a}\x{10400}-\x{104fb}\x{10c80}-\x{10cf2}\x{118a0}-\x{118df}\x{1e900}-\x{1e943}]]+";
const DEEPSEEK3: &str =
    r"[!-/:-@\[-`{-~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+";
const BLOOM: (&str, Leftover) = (r" ?[^(\s|.,!?…。，、।۔،)]+", Nothing);

const PLAIN: Family =
    Family { names: &[], stages: &[], composes: false, whole_words: false, adds_bos: false };

const FAMILIES: &[Family] = &[
    Family {
        names: &[
            "gpt-2",
            "phi-2",
            "jina-es",
            "jina-de",
            "jina-v1-en",
            "jina-v2-es",
            "jina-v2-de",
            "jina-v2-code",
            "roberta-bpe",
            "gigachat",
            "a.x-4.0",
            "mellum",
            "exaone4",
            "jais",
            "trillion",
            "granite-docling",
        ],
        stages: &[GPT2],
        ..PLAIN
    },
    Family { names: &["mpt", "olmo", "modern-bert"], stages: &[GPT2], composes: true, ..PLAIN },
    Family {
        names: &["default"],
        stages: &[
            (r"[\p{P}\$\+<=>\^~\|]+", Nothing),
            GPT2,
            (r"\p{N}+", Nothing),
            (r"[0-9][0-9][0-9]", Nothing),
        ],
        ..PLAIN
    },
    Family {
        names: &["falcon"],
        stages: &[
            (r"[\p{P}\$\+<=>\^`~\|]+", Nothing),
            GPT2,
            // Digits in the byte alphabet, which has six more of them.
            (r"(?-u:[0-9\xb2\xb3\xb9\xbc-\xbe])+", Nothing),
            (r"[0-9][0-9][0-9]", Nothing),
        ],
        ..PLAIN
    },
    Family {
        names: &["smollm", "starcoder", "refact", "codeshell", "exaone", "minerva-7b", "mellum2"],
        stages: &[DIGIT, GPT2],
        ..PLAIN
    },
    Family { names: &["command-r"], stages: &[DIGIT, GPT2], composes: true, ..PLAIN },
    Family {
        names: &[
            "llama-bpe",
            "llama3",
            "llama-v3",
            "falcon3",
            "falcon-h1",
            "pixtral",
            "midm-2.0",
            "lfm2",
            "jina-v5-nano",
        ],
        stages: &[(LLAMA3, LastInLine)],
        whole_words: true,
        adds_bos: true,
        ..PLAIN
    },
    Family { names: &["dbrx", "smaug-bpe", "chatglm-bpe", "glm4"], stages: &[(LLAMA3, LastInLine)], ..PLAIN },
    Family {
        names: &["tekken"],
        stages: &[(TEKKEN, LastInLine)],
        whole_words: true,
        adds_bos: true,
        ..PLAIN
    },
    Family { names: &["gpt-4o", "llama4", "kanana2", "minimax-m2"], stages: &[(GPT4O, LastInLine)], ..PLAIN },
    Family {
        names: &["qwen2", "deepseek-r1-qwen", "kormo", "f2llmv2", "megrez", "stablelm2"],
        stages: &[(QWEN2, LastInLine)],
        composes: true,
        ..PLAIN
    },
    Family { names: &["hunyuan", "solar-open", "grok-2"], stages: &[(QWEN2, LastInLine)], ..PLAIN },
    Family { names: &["qwen35"], stages: &[(QWEN35, LastInLine)], composes: true, ..PLAIN },
    Family {
        names: &["deepseek-llm"],
        stages: &[
            ENDS_OF_LINES,
            (CASED, Nothing),
            ("\\s?[!-/:-~\u{ff01}-\u{ff0f}\u{ff1a}-\u{ff5e}\u{2018}-\u{201f}\u{3000}-\u{3002}]+", Nothing),
            (r"\s+$", Nothing),
            HAN_AND_HANGUL,
            DIGIT,
        ],
        ..PLAIN
    },
    Family {
        names: &["deepseek-coder"],
        stages: &[ENDS_OF_LINES, (r"\s?\p{L}+", Nothing), (r"\s?\p{P}+", Nothing), HAN_AND_HANGUL, DIGIT],
        ..PLAIN
    },
    Family {
        names: &["deepseek-v3", "hunyuan-dense", "joyai-llm"],
        stages: &[THREE_DIGITS, ("[\u{4e00}-\u{9fa5}\u{3040}-\u{30ff}]+", Nothing), (DEEPSEEK3, LastInLine)],
        ..PLAIN
    },
    Family { names: &["bloom", "poro-chat", "gpt3-finnish"], stages: &[BLOOM], ..PLAIN },
    Family { names: &["viking"], stages: &[BLOOM, DIGIT], ..PLAIN },
    Family {
        names: &["bailingmoe", "bailingmoe2", "llada-moe"],
        stages: &[(
            r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]|\s+",
            LastInLine,
        )],
        ..PLAIN
    },
    Family {
        names: &["seed-coder"],
        stages: &[(
            r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}\r\n]+|\s*[\r\n]+|\s+",
            LastInLine,
        )],
        ..PLAIN
    },
];
