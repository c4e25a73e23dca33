"""The tokenizer: byte-level BPE over generated text, with a token per digit, and ChatML."""

import json
import pathlib

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

PAD, OPEN, CLOSE = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
SIZE = 1024

# How the shipped tokenizer splits text: the pattern of the Qwen2 family, which every implementation supports.
SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
# How text is split while the merges are learnt. No merge joins a capital to the text before it, so a name has the same
# tokens after a space, after a quote and at the start, and can be copied from one place to another.
LEARNT_SPLIT = r"'[a-z]+|\p{Lu}\p{L}*| ?\p{Ll}+|\p{N}| ?[^\s\p{L}\p{N}]+|\s"

# ChatML, with tools in the format of the Hermes and Qwen families. The model was not trained to call tools, and calls
# them only if a grammar forces it.
TEMPLATE = pathlib.Path(__file__).with_name("template.jinja").read_text().rstrip("\n")


def learn(texts: list[str]) -> Tokenizer:
    """Learns the merges and returns the tokenizer in its shipped form."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = _split(LEARNT_SPLIT)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(
        texts,
        trainers.BpeTrainer(
            vocab_size=SIZE,
            special_tokens=[PAD, OPEN, CLOSE],
            initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
            show_progress=False,
        ),
    )
    tokenizer.pre_tokenizer = _split(SPLIT)
    return tokenizer


def save(tokenizer: Tokenizer, folder: pathlib.Path, context: int) -> None:
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": PAD,
        "eos_token": CLOSE,
        "pad_token": PAD,
        "add_bos_token": False,
        "add_prefix_space": False,
        "clean_up_tokenization_spaces": False,
        "model_max_length": context,
        "chat_template": TEMPLATE,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n")


def _split(pattern: str) -> pre_tokenizers.PreTokenizer:
    return pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(pattern), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ])
