"""Writes families.txt: the tokens of texts by transformers, with each family's pre-tokenizer and one vocabulary.

    python families.py ggml-vocab-llama-bpe.gguf > families.txt

Needs the packages gguf and tokenizers. The texts are those of qwen2.jsonl. Vocabulary and merges are the file's, so that
what differs is the family's own normalizer and pre-tokenizer, written here as its published tokenizer.json has them. A
line per family: its name, and for each text the first eight digits of the SHA-256 of its ids, as little-endian 32-bit
numbers.
"""

import hashlib
import json
import pathlib
import struct
import sys

import gguf
import tokenizers
from tokenizers import Regex, models, normalizers
from tokenizers.pre_tokenizers import ByteLevel, Digits, Punctuation, Sequence, Split

CASED = (
    "A-Za-zµÀ-ÖØ-öø-ƺƼ-ƿǄ-ʓʕ-ʯͰ-ͳͶͷͻ-ͽͿΆΈ-ΊΌΎ-ΡΣ-ϵϷ-ҁҊ-ԯԱ-ՖႠ-ჅᎠ-Ᏽᏸ-ᏽᲐ-ᲺᲽ-Ჿᴀ-ᴫᵫ-ᵷᵹ-ᶚḀ-ἕἘ-Ἕἠ-ὅὈ-Ὅὐ-ὗὙὛὝὟ-\u1f7d"
    "ᾀ-ᾴᾶ-ᾼ\u1fbeῂ-ῄῆ-ῌῐ-\u1fd3ῖ-\u1fdbῠ-Ῥῲ-ῴῶ-ῼℂℇℊ-ℓℕℙ-ℝℤ\u2126ℨ\u212a-ℭℯ-ℴℹℼ-ℿⅅ-ⅉⅎↃↄⰀ-ⱻⱾ-ⳤⳫ-ⳮⳲⳳꙀ-ꙭꚀ-ꚛꜢ-ꝯꝱ-ꞇꞋ-ꞎ"
    "ꭰ-ꮿﬀ-ﬆﬓ-ﬗＡ-Ｚａ-ｚ𐐀-𐑏𐒰-𐓓𐓘-𐓻𐲀-𐲲𐳀-𐳲𑢠-𑣟𞤀-𞥃"
)
CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
BLANKS = r"|\s*[\r\n]+|\s+(?!\S)|\s+"
LLAMA3 = CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*" + BLANKS
QWEN2 = CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*" + BLANKS
QWEN35 = CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*" + BLANKS
LARGE, SMALL = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
BEFORE = r"[^\r\n\p{L}\p{N}]?"
TEKKEN = f"{BEFORE}{LARGE}*{SMALL}+|{BEFORE}{LARGE}+{SMALL}*" + r"|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*" + BLANKS
GPT4O = (
    f"{BEFORE}{LARGE}*{SMALL}+{CONTRACTIONS}?|{BEFORE}{LARGE}+{SMALL}*{CONTRACTIONS}?"
    r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*" + BLANKS
)
DEEPSEEK3 = (
    r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*""" + BLANKS
)
SEED = CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1}| ?[^\s\p{L}\p{N}\r\n]+" + BLANKS
BAILING = r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+"
BLOOM = r" ?[^(\s|[.,!?…。，、।۔،])]+"
HAN = "[一-龥ࠀ-一가-퟿]+"


def split(pattern):
    return Split(Regex(pattern), behavior="isolated")


def words():
    return ByteLevel(add_prefix_space=False, use_regex=True)


def letters():
    return ByteLevel(add_prefix_space=False, use_regex=False)


def digits():
    return Digits(individual_digits=True)


# Whether it normalises texts to form C, whether words that are tokens stay whole, and its steps.
FAMILIES = {
    "gpt-2": (False, False, [words()]),
    "olmo": (True, False, [words()]),
    "smollm": (False, False, [digits(), words()]),
    "command-r": (True, False, [digits(), words()]),
    "falcon": (False, False, [Punctuation("contiguous"), words(), Digits(individual_digits=False), split("[0-9][0-9][0-9]")]),
    "llama-bpe": (False, True, [split(LLAMA3), letters()]),
    "dbrx": (False, False, [split(LLAMA3), letters()]),
    "tekken": (False, True, [split(TEKKEN), letters()]),
    "gpt-4o": (False, False, [split(GPT4O), letters()]),
    "qwen2": (True, False, [split(QWEN2), letters()]),
    "grok-2": (False, False, [split(QWEN2), letters()]),
    "qwen35": (True, False, [split(QWEN35), letters()]),
    "deepseek-llm": (
        False,
        False,
        [split("[\r\n]"), split(rf"\s?[{CASED}]+"), split(r"\s?[!-/:-~！-／：-～‘-‟　-。]+"), split(r"\s+$"), split(HAN), digits(), letters()],
    ),
    "deepseek-coder": (False, False, [split("[\r\n]"), split(r"\s?\p{L}+"), split(r"\s?\p{P}+"), split(HAN), digits(), letters()]),
    "deepseek-v3": (False, False, [split(r"\p{N}{1,3}"), split("[一-龥぀-ゟ゠-ヿ]+"), split(DEEPSEEK3), letters()]),
    "bloom": (False, False, [split(BLOOM), letters()]),
    "viking": (False, False, [split(BLOOM), digits(), letters()]),
    "bailingmoe": (False, False, [split(BAILING), letters()]),
    "seed-coder": (False, False, [split(SEED), letters()]),
}


def main(path):
    fields = gguf.GGUFReader(path).fields
    tokens, kinds, merges = (fields[f"tokenizer.ggml.{key}"].contents() for key in ("tokens", "token_type", "merges"))
    vocab = {token: id for id, (token, kind) in enumerate(zip(tokens, kinds)) if kind == 1}
    merges = [tuple(merge.split(" ")) for merge in merges]
    lines = (pathlib.Path(__file__).parent / "qwen2.jsonl").read_text().splitlines()[1:]
    texts = [json.loads(line)["text"] for line in lines]
    print(f"tokenizers {tokenizers.__version__}")
    for name, (composes, whole, steps) in FAMILIES.items():
        tokenizer = tokenizers.Tokenizer(models.BPE(vocab=vocab, merges=merges, ignore_merges=whole))
        if composes:
            tokenizer.normalizer = normalizers.NFC()
        tokenizer.pre_tokenizer = Sequence(steps)
        hashes = []
        for text in texts:
            ids = tokenizer.encode(text, add_special_tokens=False).ids
            hashes.append(hashlib.sha256(struct.pack(f"<{len(ids)}I", *ids)).hexdigest()[:8])
        print(name, *hashes)


main(sys.argv[1])
