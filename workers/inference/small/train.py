"""Trains the small model from scratch and writes model/, held_out.jsonl and known.jsonl beside this file.

Training has several cycles. Each has its own conversations and starts from the F16 weights that the previous cycle
wrote, so `--after 1` continues exactly where the first cycle ended.

    python3.11 -m venv /tmp/small
    /tmp/small/bin/pip install torch==2.15.0 transformers==5.23.0 tokenizers==0.23.3 safetensors==0.8.0
    /tmp/small/bin/python workers/inference/small/train.py
"""

import argparse
import json
import math
import os
import pathlib
import time
from collections import defaultdict
from dataclasses import dataclass

os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["OMP_WAIT_POLICY"] = "passive"  # a thread that spins while the other waits for a core halves the speed

import torch
import torch.nn.functional as F
from tokenizers import Tokenizer

import network
import vocabulary
from held_out import held_out, known
from network import Network, Shape
from stream import Encoder, Stream
from talk import BROAD, CLOSING, COPYING, SCORED
from values import LONG, SHORT, Reach

HERE = pathlib.Path(__file__).parent
THREADS = 2
SEED = 7
WARM_UP = 200
TOKENS = 4096
TEXTS = 20_000


@dataclass(frozen=True)
class Cycle:
    """The number of batches, their kinds and lengths, and the learning rates of the layers and of the rest."""

    steps: int
    shares: dict[str, float]
    reach: Reach
    fall: float
    orthogonal: float | None = None
    rate: float = 1.5e-3

    def optimizers(self, model: Network) -> list[torch.optim.Optimizer]:
        """AdamW, and with `orthogonal` Muon at that rate for the matrices inside the layers."""
        named = list(model.named_parameters())
        muon = [p for name, p in named if self.orthogonal and p.dim() == 2 and name.startswith("layers.")]
        rest = [p for _, p in named if all(p is not other for other in muon)]
        matrices, others = ([p for p in rest if (p.dim() == 2) == wide] for wide in (True, False))
        groups = [{"params": matrices, "weight_decay": 0.05}, {"params": others, "weight_decay": 0.0}]
        found: list[torch.optim.Optimizer] = [torch.optim.AdamW(groups, lr=self.rate, betas=(0.9, 0.98), fused=True)]
        if muon:
            found.append(torch.optim.Muon(muon, lr=self.orthogonal, weight_decay=0.05, adjust_lr_fn="match_rms_adamw"))
        return found

    def share_of_rate(self, step: int) -> float:
        """The factor of the learning rate: it rises, stays level, and falls to 0 by a cosine over the last part."""
        falling = max(0.0, 1 - (self.steps - step) / (self.fall * self.steps)) if self.fall else 0.0
        return min(step / WARM_UP, 0.5 + 0.5 * math.cos(math.pi * falling))


CYCLES = (
    Cycle(3500, BROAD, LONG, fall=0.35),
    Cycle(2500, COPYING, LONG, fall=0.0, orthogonal=3e-3),
    Cycle(1000, SCORED, SHORT, fall=0.0, orthogonal=2e-3, rate=1e-3),
    Cycle(2200, CLOSING, SHORT, fall=0.85, orthogonal=2e-3, rate=1e-3),
)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--after", type=int, default=0, help="cycles already in the folder's model/")
    options.add_argument("--into", type=pathlib.Path, default=HERE)
    options = options.parse_args()
    torch.use_deterministic_algorithms(True)
    torch.set_num_threads(THREADS)
    torch.manual_seed(SEED)

    folder = options.into / "model"
    folder.mkdir(parents=True, exist_ok=True)
    shape = Shape()
    questions, unasked = held_out()
    write_lines(options.into / "held_out.jsonl", questions)
    write_lines(options.into / "known.jsonl", known())
    if options.after:
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    else:
        tokenizer = vocabulary.learn(texts(unasked))
        vocabulary.save(tokenizer, folder, shape.context)

    encoder = Encoder(tokenizer)
    model = Network(shape)
    print(f"{sum(p.numel() for p in model.parameters())} parameters", flush=True)
    for cycle in range(options.after, len(CYCLES)):
        if cycle:
            network.load(model, folder)
        learn(model, encoder, unasked, cycle, folder, questions)
        network.save(model, folder)
    network.load(model, folder)
    report(score(model, encoder, questions + known()))


def texts(unasked: set[str]) -> list[str]:
    stream = Stream(None, SEED + 1, BROAD, LONG, unasked, 0, 0)
    return [message["content"] for _ in range(TEXTS) for message in stream.conversation()] + ["system\n", "user\n", "assistant\n"]


def learn(model: Network, encoder: Encoder, unasked: set[str], cycle: int, folder: pathlib.Path, questions: list[dict]) -> None:
    plan = CYCLES[cycle]
    optimizers = plan.optimizers(model)
    groups = [(group, group["lr"]) for optimizer in optimizers for group in optimizer.param_groups]
    compiled = torch.compile(model, dynamic=True)
    began, total, count = time.monotonic(), 0.0, 0
    batches = iter(Stream(encoder, SEED + 100 * cycle, plan.shares, plan.reach, unasked, model.shape.context, TOKENS))
    for step in range(1, plan.steps + 1):
        for group, rate in groups:
            group["lr"] = rate * plan.share_of_rate(step)
        tokens, wanted, targets = next(batches)
        with torch.autocast("cpu", torch.bfloat16):
            logits = compiled(tokens, wanted)
        loss = F.cross_entropy(logits, targets)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad()
        total, count = total + loss.item(), count + tokens.numel()
        if step % 250 == 0:
            spent = time.monotonic() - began
            print(f"step {step} loss {total / 250:.4f} {count / spent:.0f} tokens/s {spent:.0f} s", flush=True)
            total = 0.0
        if step % 500 == 0:
            network.save(model, folder)
            report(score(model, encoder, questions))


@torch.no_grad()
def score(model: Network, encoder: Encoder, questions: list[dict]) -> dict[str, list[bool]]:
    """Returns for each kind whether greedy decoding gives the exact answers: each token is the most probable one."""
    right = defaultdict(list)
    for asked in questions:
        (tokens, said), = encoder.encode([[*asked["messages"], {"role": "assistant", "content": asked["expected"]}]])
        answer = len(encoder.tokenizer.encode(asked["expected"]).ids) + 1
        tokens = tokens[: -len(encoder.line)]
        wanted = torch.arange(len(tokens) - 1 - answer, len(tokens) - 1)
        best = model(torch.tensor([tokens[:-1]]), wanted).argmax(-1)
        right[asked["kind"]].append(best.tolist() == tokens[-answer:])
    return right


def report(right: dict[str, list[bool]]) -> None:
    kept = [answer for kind, answers in right.items() if kind != "known" for answer in answers]
    by_kind = ", ".join(f"{kind} {sum(answers)}/{len(answers)}" for kind, answers in right.items())
    print(f"held out: {sum(kept)}/{len(kept)} right = {sum(kept) / len(kept):.1%}; {by_kind}", flush=True)


def write_lines(path: pathlib.Path, rows: list[dict]) -> None:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


if __name__ == "__main__":
    main()
