"""Endless conversations, as batches of tokens. The model learns the tokens of the assistant."""

import random
from collections.abc import Iterator

import torch
from tokenizers import Tokenizer
from torch import Tensor

from talk import TRAINED_KINDS, Conversation
from values import WORD, Reach, Values
from vocabulary import CLOSE, OPEN

CHUNK = 2048
JOINED = 0.08


class Encoder:
    """Turns conversations into tokens in ChatML, and marks each token that the assistant says."""

    def __init__(self, tokenizer: Tokenizer):
        self.tokenizer = tokenizer
        self.open, self.close = tokenizer.token_to_id(OPEN), tokenizer.token_to_id(CLOSE)
        self.line = tokenizer.encode("\n").ids
        self.heads = {role: tokenizer.encode(f"{role}\n").ids for role in ("system", "user", "assistant")}

    def encode(self, conversations: list[Conversation]) -> list[tuple[list[int], list[bool]]]:
        bodies = iter(self.tokenizer.encode_batch([m["content"] for c in conversations for m in c]))
        return [self._joined([(m["role"], next(bodies).ids) for m in c]) for c in conversations]

    def _joined(self, messages: list[tuple[str, list[int]]]) -> tuple[list[int], list[bool]]:
        tokens: list[int] = []
        said: list[bool] = []
        for role, body in messages:
            head = [self.open, *self.heads[role]]
            tokens += [*head, *body, self.close, *self.line]
            said += [False] * len(head) + [role == "assistant"] * (len(body) + 1) + [False] * len(self.line)
        return tokens, said


class Stream:
    """Yields batches of about `budget` tokens, of conversations of similar length that don't ask about `unasked`."""

    def __init__(
        self,
        encoder: Encoder | None,
        seed: int,
        shares: dict[str, float],
        reach: Reach,
        unasked: set[str],
        context: int,
        budget: int,
    ):
        self.encoder = encoder
        self.kinds, self.weights = list(shares), list(shares.values())
        self.values = Values(random.Random(seed), reach, held_out=False)
        self.unasked, self.context, self.budget = unasked, context, budget

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        while True:
            encoded = self.encoder.encode([self.conversation() for _ in range(CHUNK)])
            batches = list(pack([e for e in encoded if len(e[0]) <= self.context], self.budget))
            self.values.rng.shuffle(batches)
            yield from batches

    def conversation(self) -> Conversation:
        rng = self.values.rng
        joined = rng.randint(2, 5) if rng.random() < JOINED else 1
        parts = [TRAINED_KINDS[kind](self.values) for kind in rng.choices(self.kinds, self.weights, k=joined)]
        if joined > 1:
            parts = [part for part in parts if part[0]["role"] == "user"] or parts[:1]
        whole = [message for part in parts for message in part]
        clash = self.unasked.intersection(WORD.findall(" ".join(m["content"] for m in whole if m["role"] != "assistant")))
        assert not clash, f"training asked after held-out {clash}"
        return whole


def pack(encoded: list[tuple[list[int], list[bool]]], budget: int) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Returns batches: padded tokens, the flat positions that are followed by a token to learn, and these tokens."""
    encoded = sorted(encoded, key=lambda e: len(e[0]))
    while encoded:
        length = len(encoded[0][0])
        rows = 0
        while rows < len(encoded) and (rows + 1) * len(encoded[rows][0]) <= max(budget, length):
            rows += 1
        batch, encoded = encoded[:rows], encoded[rows:]
        length = len(batch[-1][0])
        tokens = torch.tensor([ids + [0] * (length - len(ids)) for ids, _ in batch])
        said = torch.tensor([mark + [False] * (length - len(mark)) for _, mark in batch])
        wanted = said[:, 1:].flatten().nonzero().squeeze(1)
        yield tokens[:, :-1], wanted, tokens[:, 1:].flatten()[wanted]
