"""Writes qwen2.jsonl: texts, and their tokens by transformers with the vocabulary of Qwen 2.

    python qwen2.py ggml-vocab-qwen2.gguf > qwen2.jsonl

Needs the packages gguf and transformers. The vocabulary comes from the file; the pre-tokenizer, the normalizer and the
merging are those of transformers' own Qwen2Tokenizer. Seeded: the same versions write the same file.
"""

import json
import random
import sys

import gguf
import tokenizers
import transformers

SCRIPTS = [
    "The quick brown fox can't jump; it's ASLEEP, isn't IT? We'LL see, they'Ve said 'twas 'Tis",
    "Größe über Äpfel, naïve café, İstanbul ſtraße 'ſ 'ſt, Œuvre, ﬁn",
    "Съешь же ещё этих мягких французских булок, да выпей чаю",
    "Ξεσκεπάζω την ψυχοφθόρα βδελυγμία",
    "人之初性本善。性相近，習相遠。「你好」，世界！",
    "いろはにほへと ちりぬるを、カタカナも漢字も。",
    "다람쥐 헌 쳇바퀴에 타고파 한글",
    "نص حكيم له سر قاطع وذو شأن عظيم ١٢٣٤٥ ، أَبْجَد",
    "דג סקרן שט בים מאוכזב ולפתע מצא חברה שָׁלוֹם",
    "ऋषियों को सताने वाले दुष्ट राक्षसों के राजा १२३",
    "เป็นมนุษย์สุดประเสริฐเลิศคุณค่า ๑๒๓",
    "កាន់តែពិសេសអាចខលចេញ",
    "მხედრული სწრაფი ყავისფერი მელა",
    "ዜጎች ሁሉ ነጻ ናቸው",
    "🦙🚀 😶‍🌫️ 👩‍👩‍👧‍👦 🇩🇪🇯🇵 ✅ 👍🏽 ☺️ ❤️‍🔥",
    "∑∫√ ≤≥≠ αβγ x² ½ Ⅷ ① ㊙ 10⁻³",
    "def f(x):\n\treturn {'a': x[0] ** 2}  # done\r\n",
    "SELECT * FROM t WHERE a<>1 AND b!='x';\n\n-- end",
    "1234567890 3.14159 1,000,000 0xDEADBEEF 2026-11-21T04:00:00Z",
    "e\u0301 A\u030a o\u0308 n\u0303 \u1100\u1161\u11a8 \u212b \u2126 \ufb01",
]
BLANKS = [" ", "  ", "   ", "\t", "\n", "\n\n", "\r\n", "\u00a0", "\u3000", "\u2003", "\u2028", "\u0085", "\u200b", "\u200d", "\x0b", "\x0c", "\x1c", "\x1f", "\u180e", "\ufeff"]
CONTROLS = ["\x00", "\x01", "\x07", "\x08", "\x1b[0m", "\x7f", "\x80", "\x9f", "\ufffd", "\uffff", "\U0010ffff"]


def texts(rng):
    yield from ["", *SCRIPTS, *BLANKS, *CONTROLS]
    for blank in BLANKS:
        yield f"a{blank}b{blank}{blank}1{blank}!{blank}"
    for count in (1, 2, 3, 7, 15, 16, 17, 64, 200):
        yield from [" " * count, " " * count + "x", "\n" * count, "a" * count, "=" * count, "9" * count]
    for _ in range(200):
        parts = []
        for _ in range(rng.randint(1, 12)):
            script = rng.choice(SCRIPTS)
            start = rng.randrange(len(script))
            part = script[start : start + rng.randint(1, 9)]
            pick = rng.random()
            parts.append(part.upper() if pick < 0.1 else rng.choice(CONTROLS) if pick < 0.15 else part)
            parts.append(rng.choice(BLANKS) if rng.random() < 0.4 else "")
        yield "".join(parts)
    for _ in range(100):
        codes = (rng.choice((rng.randrange(0x300), rng.randrange(0xD800), rng.randrange(0xE000, 0x110000))) for _ in range(24))
        yield "".join(map(chr, codes))


def main(path):
    fields = gguf.GGUFReader(path).fields
    tokens, kinds, merges = (fields[f"tokenizer.ggml.{key}"].contents() for key in ("tokens", "token_type", "merges"))
    vocab = {token: id for id, (token, kind) in enumerate(zip(tokens, kinds)) if kind == 1}
    tokenizer = transformers.Qwen2Tokenizer(vocab=vocab, merges=[tuple(merge.split(" ")) for merge in merges])
    versions = f"transformers {transformers.__version__}, tokenizers {tokenizers.__version__}"
    print(json.dumps({"versions": versions}))
    for text in texts(random.Random(7)):
        ids = tokenizer.encode(text, add_special_tokens=False)
        print(json.dumps({"text": text, "ids": ids}, separators=(",", ":")))


main(sys.argv[1])
