"""Writes embeddings.json: the embeddings of fifty texts by sentence-transformers.

Run by hand when the texts change; CI reads only the fixture.

    python3.11 -m venv /tmp/reference
    /tmp/reference/bin/pip install torch==2.15.0 sentence-transformers==6.2.0 transformers==5.23.0 tokenizers==0.23.3
    /tmp/reference/bin/python workers/inference/tests/reference/make_reference.py target/home/models/all-MiniLM-L6-v2
"""

import base64
import importlib.metadata
import json
import pathlib
import sys

from sentence_transformers import SentenceTransformer

PANGRAM = "The quick brown fox jumps over the lazy dog. "
REPORT = (
    "The night shift found the pump running dry at a quarter past three, closed the intake by hand and wrote the "
    "reading into the log before anyone had asked for it; the morning shift, reading the same line, replaced the seal. "
)

TEXTS = [
    # English, from an empty text to a page
    "",
    " ",
    "a",
    "Hello",
    "hello world",
    "The cat sits on the mat.",
    "A feline is resting on a rug.",
    "How do I reset my password?",
    "I forgot my login credentials and can't get in.",
    "The stock market fell sharply on Tuesday.",
    "Photosynthesis turns light, water and carbon dioxide into sugar and oxygen.",
    "She said: \"It's 5 o'clock -- isn't it?\" (It wasn't.)",
    PANGRAM * 3,
    REPORT,
    REPORT * 4,
    REPORT * 8,
    PANGRAM * 100,
    # other languages and scripts
    "Die Katze sitzt auf der Matte.",
    "Straßenbahnhaltestelle, Übergröße, Öl und Äpfel",
    "Le chat est assis sur le tapis, n'est-ce pas ?",
    "El rápido zorro marrón salta sobre el perro perezoso.",
    "¿Dónde está la biblioteca más próxima?",
    "Il gatto è seduto sul tappeto.",
    "O gato está sentado no tapete e não quer sair.",
    "Kot siedzi na macie. Zażółć gęślą jaźń.",
    "Кошка сидит на коврике.",
    "Съешь же ещё этих мягких французских булок, да выпей чаю.",
    "Η γάτα κάθεται στο χαλάκι.",
    "Kedi paspasın üzerinde oturuyor. İstanbul, ığdır.",
    "Con mèo ngồi trên tấm thảm.",
    "القطة تجلس على السجادة.",
    "החתול יושב על השטיח.",
    "बिल्ली चटाई पर बैठी है।",
    "แมวนั่งอยู่บนเสื่อ",
    "猫坐在垫子上。",
    "今天天气很好，我们去公园散步吧。",
    "猫がマットの上に座っています。",
    "カタカナとひらがなと漢字",
    "고양이가 매트 위에 앉아 있습니다.",
    # texts that are not prose
    "🐱 on a 🧶, 👩‍👩‍👧‍👦 watching",
    "e\u0301 and é, ﬁ and fi, Å and A\u030a",
    "zero\u200bwidth, non\u00a0breaking, tab\there, bell\u0007, nul\u0000, replacement\ufffd",
    "[CLS] a [MASK] b [SEP] c [PAD] [UNK]",
    "fn main() { println!(\"{:?}\", std::env::args().nth(1)); }",
    "SELECT id, name FROM users WHERE created_at > '2026-01-01' ORDER BY id DESC LIMIT 10;",
    "https://example.com/a/b?c=d&e=%20f#g user@example.com 192.168.0.1 ::1",
    "3.14159 1,000,000 1e-9 0xDEADBEEF 2026-11-20T12:34:56Z",
    "Pneumonoultramicroscopicsilicovolcanoconiosis " + "x" * 120,
    "!!!???...,,,;;;:::---___***///\\\\\\",
    "line one\nline two\r\nline three\n\n\nline seven",
]


def main(model_dir: str) -> None:
    assert len(TEXTS) == 50, len(TEXTS)
    model = SentenceTransformer(model_dir, device="cpu")
    vectors = model.encode(TEXTS, batch_size=1, convert_to_numpy=True).astype("<f4")
    packages = ("torch", "sentence-transformers", "transformers", "tokenizers")
    fixture = {
        "versions": {name: importlib.metadata.version(name) for name in packages},
        "max_seq_length": model.max_seq_length,
        "texts": [
            {"text": text, "vector": base64.b64encode(vector.tobytes()).decode()}
            for text, vector in zip(TEXTS, vectors)
        ],
    }
    out = pathlib.Path(__file__).with_name("embeddings.json")
    out.write_text(json.dumps(fixture, ensure_ascii=False, indent=1) + "\n")
    print(f"{out}: {len(TEXTS)} texts, {vectors.shape[1]} dimensions, {out.stat().st_size} bytes")


if __name__ == "__main__":
    main(sys.argv[1])
