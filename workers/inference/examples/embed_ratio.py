"""Runs embed_speed.rs and embed_speed.py in turn and prints the ratio of their medians, by wall time and by CPU time.

    cargo build --release -p cortex-inference --example embed_speed
    PYTHON workers/inference/examples/embed_ratio.py MODEL_DIR TEXTS.json [ROUNDS]

PYTHON has sentence-transformers; tests/reference/make_reference.py pins the versions.
"""

import json
import os
import pathlib
import statistics
import subprocess
import sys

HERE = pathlib.Path(__file__).parent
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", HERE.parents[2] / "target"))


def run(command: list[str]) -> dict:
    """Returns the last rounds of a process. The first ones only warm it up."""
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    return json.loads(lines[-1])


def main(model_dir: str, texts: str, rounds: str = "5") -> None:
    arguments = [model_dir, texts, "2", "2"]
    ours, theirs = [], []
    for _ in range(int(rounds)):
        ours.append(run([str(TARGET / "release/examples/embed_speed"), *arguments]))
        theirs.append(run([sys.executable, str(HERE / "embed_speed.py"), *arguments]))
    count = len(json.loads(pathlib.Path(texts).read_text(encoding="utf-8")))
    for name in ("wall_s", "cpu_s"):
        mine, other = (statistics.median(line[name] for line in lines) for lines in (ours, theirs))
        print(
            f"{name}: ours {mine:.3f} ({count / mine:.0f} texts/s), sentence-transformers {other:.3f} "
            f"({count / other:.0f} texts/s), ratio {other / mine:.2f}"
        )
    print(f"resident KiB, ours: {ours[-1]['rss_kib']}; load: {ours[-1]['load_s']:.2f} s")


if __name__ == "__main__":
    main(*sys.argv[1:])
