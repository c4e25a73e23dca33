"""Scores the saved model with transformers and greedy decoding, from the files only.

    /tmp/small/bin/python workers/inference/small/evaluate.py
"""

import argparse
import json
import pathlib
import sys
from collections import Counter

import torch
from transformers import AutoTokenizer, LlamaForCausalLM, PreTrainedTokenizerBase

from held_out import held_out

HERE = pathlib.Path(__file__).parent
ENOUGH = 0.95
MAX_TOKENS = 96


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--of", type=pathlib.Path, default=HERE)
    options.add_argument("--wrong", action="store_true", help="print what was answered wrong")
    options.add_argument("--fresh", type=int, help="a seed: score other questions of the held-out side instead")
    options = options.parse_args()
    torch.set_num_threads(2)
    tokenizer, model = load(options.of / "model")
    files = [lines(options.of / file) for file in ("held_out.jsonl", "known.jsonl")]
    asked = files if options.fresh is None else [held_out(options.fresh)[0]]
    scores = [score(tokenizer, model, questions, options.wrong) for questions in asked]
    sys.exit(0 if scores[0] >= ENOUGH else 1)


def load(folder: pathlib.Path) -> tuple[PreTrainedTokenizerBase, LlamaForCausalLM]:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    return tokenizer, LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()


def lines(path: pathlib.Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def prompt(tokenizer: PreTrainedTokenizerBase, messages: list[dict]) -> list[int]:
    return tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=True)["input_ids"]


@torch.no_grad()
def greedy(model: LlamaForCausalLM, tokens: list[int], most: int) -> list[int]:
    """Returns the most probable tokens after the prompt, up to the end of the turn if the model ends it."""
    given = torch.tensor([tokens])
    made = model.generate(given, attention_mask=torch.ones_like(given), do_sample=False, max_new_tokens=most)
    return made[0, len(tokens) :].tolist()


def score(tokenizer: PreTrainedTokenizerBase, model: LlamaForCausalLM, questions: list[dict], wrong: bool) -> float:
    asked, right = Counter(), Counter()
    for question in questions:
        made = greedy(model, prompt(tokenizer, question["messages"]), MAX_TOKENS)
        text = tokenizer.decode(made[:-1] if made[-1] == tokenizer.eos_token_id else made)
        asked[question["kind"]] += 1
        right[question["kind"]] += text == question["expected"]
        if wrong and text != question["expected"]:
            print(json.dumps({**question, "answered": text}, ensure_ascii=False))
    for kind in asked:
        print(f"{kind:12} {right[kind]:3} of {asked[kind]}")
    share = right.total() / asked.total()
    print(f"{'all':12} {right.total():3} of {asked.total()}: {share:.1%}")
    return share


if __name__ == "__main__":
    main()
