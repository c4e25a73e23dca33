"""Writes the results of transformers for texts and conversations, with the vocabulary and template of SmolLM2.

    python smollm2.py SmolLM2-135M-Instruct.Q4_1.gguf

Needs the packages gguf, jinja2 and transformers. Vocabulary, merges and template come from the file, the pre-tokenizer is
that of the model's published tokenizer.json: digits alone, then the words of GPT-2. The texts are those of the test of Qwen
2's vocabulary, and some with the bytes that this vocabulary has no token for; the conversations are those of the chat crate.
texts.jsonl has a text and its ids per line. conversations.txt has a line per conversation: `rendered` with the SHA-256 of
the prompt, the count of its tokens and the SHA-256 of their ids as little-endian 32-bit numbers, `raised` with that of the
template's message, `refused` or `failed`.
"""

import gzip
import hashlib
import json
import pathlib
import struct
import sys

import gguf
import transformers
from tokenizers import AddedToken, pre_tokenizers
from transformers.utils import chat_template_utils

HERE = pathlib.Path(__file__).resolve().parent
INFERENCE = HERE.parents[1]
sys.path.append(str(INFERENCE / "chat" / "fixtures"))
import make as conversations  # noqa: E402


def texts(lacking):
    lines = (INFERENCE / "tokens" / "tests" / "vocabularies" / "qwen2.jsonl").read_text().splitlines()[1:]
    yield from (json.loads(line)["text"] for line in lines)
    for letter in [chr(byte) for byte in lacking if byte < 0x80] + ["\U00040000", "\U0009abcd", "\U000fffff"]:
        for around in ("{}", "a{}b", "!{}!", " {} x", "{0}{0}{0}", "1{}2", "\n{}\n", "🦙{}🦙", "the{} end."):
            yield around.format(letter)
    yield "".join(chr(byte) for byte in range(256))


def sha256(ids):
    return hashlib.sha256(struct.pack(f"<{len(ids)}I", *ids)).hexdigest()


def main(path):
    fields = gguf.GGUFReader(path).fields
    tokens, kinds, merges = (fields[f"tokenizer.ggml.{key}"].contents() for key in ("tokens", "token_type", "merges"))
    vocab = {token: id for id, token in enumerate(tokens)}
    tokenizer = transformers.GPT2Tokenizer(vocab=vocab, merges=[tuple(merge.split(" ")) for merge in merges])
    tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    control = [AddedToken(token, special=True, normalized=False) for token, kind in zip(tokens, kinds) if kind == 3]
    tokenizer.add_special_tokens({"additional_special_tokens": control}, replace_extra_special_tokens=False)
    assert len(tokenizer) == len(tokens)
    alphabet = transformers.convert_slow_tokenizer.bytes_to_unicode()
    lacking = [byte for byte, letter in alphabet.items() if letter not in vocab]

    versions = f"transformers {transformers.__version__}"
    with open(HERE / "texts.jsonl", "w") as file:
        print(json.dumps({"versions": versions, "lacking": sorted(lacking)}), file=file)
        for text in texts(sorted(lacking)):
            ids = tokenizer.encode(text, add_special_tokens=False)
            print(json.dumps({"text": text, "ids": ids}, separators=(",", ":")), file=file)

    chat_template_utils.datetime = conversations.Clock
    conversations.TOKENS.update(bos_token="<|im_start|>", eos_token="<|im_end|>")
    source = fields["tokenizer.chat_template"].contents()
    with open(HERE / "conversations.txt", "w") as file:
        print(f"made by {versions}", file=file)
        packed = (INFERENCE / "chat" / "fixtures" / "conversations.json.gz").read_bytes()
        for case in json.loads(gzip.decompress(packed)):
            kind, made = conversations.outcome(source, case)
            if kind == "rendered":
                ids = tokenizer.encode(made, add_special_tokens=False)
                made = f"{hashlib.sha256(made.encode()).hexdigest()} {len(ids)} {sha256(ids)}"
            elif made is not None:
                made = hashlib.sha256(made.encode()).hexdigest()
            print(kind, *([made] if made is not None else []), file=file)


main(sys.argv[1])
