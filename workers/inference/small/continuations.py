"""Writes continuations.json: the greedy answers of transformers, in float32, to twenty of the held-out questions.

Run this after training. The tests of the engine read only the file.

    /tmp/small/bin/python workers/inference/small/continuations.py
"""

import importlib.metadata
import json

import torch

from evaluate import HERE, greedy, lines, load, prompt

PROMPTS = 20
MAX_TOKENS = 64


def main() -> None:
    torch.set_num_threads(1)
    tokenizer, model = load(HERE / "model")
    questions = lines(HERE / "held_out.jsonl")
    cases = []
    for question in questions[:: len(questions) // PROMPTS][:PROMPTS]:
        tokens = prompt(tokenizer, question["messages"])
        made = greedy(model, tokens, MAX_TOKENS)
        with torch.no_grad():
            logits = model(torch.tensor([tokens])).logits[0, -1]
        cases.append({
            "messages": question["messages"],
            "text": tokenizer.apply_chat_template(question["messages"], add_generation_prompt=True, tokenize=False),
            "prompt": tokens,
            "continuation": made,
            "first_logits": [round(value, 5) for value in logits[:16].tolist()],
        })
    versions = {name: importlib.metadata.version(name) for name in ("torch", "transformers", "tokenizers")}
    text = ",\n".join(json.dumps(case, ensure_ascii=False) for case in cases)
    (HERE / "continuations.json").write_text(f'{{"versions": {json.dumps(versions)}, "cases": [\n{text}\n]}}\n')


if __name__ == "__main__":
    main()
