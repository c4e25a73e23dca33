"""The 500 held-out questions, which training may not ask, and the questions about closed lists."""

import random

from talk import HELD_OUT_KINDS, KNOWN, Conversation
from values import SHORT, Values

COUNT = 500
SEED = 500


def held_out(seed: int = SEED) -> tuple[list[dict], set[str]]:
    """Questions of all kinds in turn with the expected answers, and their values that training may not ask about."""
    values = Values(random.Random(seed), SHORT, held_out=True)
    kinds = list(HELD_OUT_KINDS)
    found: list[dict] = []
    while len(found) < COUNT:
        kind = kinds[len(found) % len(kinds)]
        conversation = HELD_OUT_KINDS[kind](values)
        if is_fresh(conversation) and all(conversation[:-1] != other["messages"] for other in found):
            found.append(question(kind, conversation))
    return found, values.drawn


def is_fresh(conversation: Conversation) -> bool:
    """Returns whether the last answer does not occur earlier in the conversation."""
    *before, last = conversation
    return last["content"] not in [message["content"] for message in before]


def known() -> list[dict]:
    return [
        question("known", [{"role": "user", "content": asked}, {"role": "assistant", "content": answer}])
        for asked, answer in KNOWN
    ]


def question(kind: str, conversation: Conversation) -> dict:
    return {"kind": kind, "messages": conversation[:-1], "expected": conversation[-1]["content"]}
