"""Finds words that the house style bans: lint-words.py [--self-test].

Reads every tracked or new source, page, configuration file and help text. `_` and a capital letter inside an
identifier separate words, so `a_caller_is_told` and `NotTold` are found, and `Option::is_none()` is not.
"""

import pathlib
import re
import subprocess
import sys

WORDS = ["nobody", "whoever", "whatever", "whence", "told", "heard", "stands", "lacks", "heeds", "likeliest"]
PHRASES = ["by and by", "is none", "are none", "as none", "for ever", "at ease", "in vain"]

# Endings of the files to read, and names of files without an ending.
READ = (".rs", ".md", ".yaml", ".yml", ".toml", ".sh", ".proto", ".capnp", ".py", ".js", ".mjs")
ALSO_READ = ("Makefile", ".ci/run")
HELP_TEXTS = ("origin/cortex/tests/help/", "workers/worker/tests/help/")

# Places that must use a banned word: (file, word, reason). An unused entry is an error.
ALLOWED = [("scripts/lint-words.py", word, "the list itself") for word in WORDS + PHRASES]
ALLOWED += [
    ("tests/benches/load/embeddings.rs", "nobody", "a word of the texts that the benchmark embeds"),
    ("workers/inference/chat/fixtures/snippets.py", "is none", "a test of Jinja templates"),
]

# What may lie between two words of a phrase: spaces, an underscore, or the end of a line and a comment's marker.
BETWEEN = r"(?:[ \t]+|_|[ \t]*\n[ \t]*(?:/{2,3}!?|\*|#+|>)?[ \t]*)"


def pattern() -> re.Pattern:
    lower = "|".join([*WORDS, *(phrase.replace(" ", BETWEEN) for phrase in PHRASES)])
    camel = "|".join(word.capitalize() for word in WORDS)
    # `value.is_none()`, `Option::is_none` and Python's `is None` are code.
    code = r"(?!(?<=[.:])is_none|[a-z]+ None\b|is_none_or)"
    return re.compile(rf"(?<![A-Za-z]){code}(?i:{lower})(?![A-Za-z])|(?<=[a-z0-9])(?:{camel})(?![a-z])")


PATTERN = pattern()


def found(text: str) -> list[tuple[int, str]]:
    """Returns each banned word of a text with its line."""
    return [
        (text.count("\n", 0, hit.start()) + 1, normal(hit.group()))
        for hit in PATTERN.finditer(text)
    ]


def normal(word: str) -> str:
    return re.sub(r"[^a-z]+", " ", word.lower())


def is_read(path: str) -> bool:
    return path.endswith(READ) or path in ALSO_READ or path.startswith(HELP_TEXTS)


def files() -> list[str]:
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, check=True, capture_output=True, text=True).stdout.split("\0")
    return sorted(name for name in names if name and is_read(name) and pathlib.Path(name).is_file())


def lint() -> int:
    allowed = {(path, word) for path, word, _ in ALLOWED}
    used = set()
    faults = []
    for path in files():
        for line, word in found(pathlib.Path(path).read_text()):
            if (path, word) in allowed:
                used.add((path, word))
            else:
                faults.append(f"{path}:{line}: banned word `{word}`: write plain English (CONTRIBUTING.md, Prose)")
    for path, word in sorted(allowed - used):
        faults.append(f"{path}: the exception for `{word}` is not needed any more: delete it from {sys.argv[0]}")
    for fault in faults:
        print(fault)
    return 1 if faults else 0


def self_test() -> None:
    def words(text: str) -> list[str]:
        return [word for _, word in found(text)]

    for word in WORDS:
        assert words(f"The caller {word} it.") == [word]
        assert words(f"fn a_caller_{word}_it() {{}}") == [word]
        assert words(word.upper()) == [word]
        assert words(f"struct Not{word.capitalize()};") == [word]
        assert words(f"{word}'s") == [word]
    for phrase in PHRASES:
        assert words(f"It {phrase}.") == [phrase]
        assert words(f"fn it_{phrase.replace(' ', '_')}() {{}}") == [phrase]
        first, rest = phrase.split(" ", 1)
        assert words(f"/// It {first}\n    /// {rest}.") == [phrase]
    assert words("link.heard(message)") == ["heard"]
    assert found("one\ntwo\nnobody") == [(3, "nobody")]
    for fine in [
        "if value.is_none() {}",
        "Option::is_none",
        "value.is_none_or(|it| it)",
        "if value is None:",
        "A reader understands it.",
        "unheard, withstands, retold",
        "the last one",
        "it is nonetheless",
    ]:
        assert words(fine) == [], fine
    assert is_read("a/b.rs") and is_read("Makefile") and all(is_read(folder + "jobs.txt") for folder in HELP_TEXTS)
    assert not is_read("LICENSE") and not is_read("workers/fixture.txt")


if sys.argv[1:] == ["--self-test"]:
    self_test()
else:
    sys.exit(lint())
