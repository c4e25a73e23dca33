"""Does the same as embed_speed.rs with sentence-transformers: the same texts, threads, batch and JSON lines.

    python workers/inference/examples/embed_speed.py MODEL_DIR TEXTS.json [THREADS] [ROUNDS]
"""

import json
import os
import sys
import time

BATCH = 32


def main(model_dir: str, texts_file: str, threads: str = "2", rounds: str = "1") -> None:
    os.environ["OMP_NUM_THREADS"] = os.environ["RAYON_NUM_THREADS"] = threads
    os.environ["TOKENIZERS_PARALLELISM"] = "true"
    import torch
    from sentence_transformers import SentenceTransformer

    torch.set_num_threads(int(threads))
    with open(texts_file, encoding="utf-8") as file:
        texts = json.load(file)
    start = time.perf_counter()
    model = SentenceTransformer(model_dir, device="cpu")
    load = time.perf_counter() - start
    model.encode(texts[:BATCH], batch_size=BATCH)
    for _ in range(int(rounds)):
        start, cpu = time.perf_counter(), time.process_time()
        for at in range(0, len(texts), BATCH):
            model.encode(texts[at : at + BATCH], batch_size=BATCH)
        wall, cpu = time.perf_counter() - start, time.process_time() - cpu
        line = {"texts_per_s": len(texts) / wall, "wall_s": wall, "cpu_s": cpu, "load_s": load}
        print(json.dumps({key: round(value, 3) for key, value in line.items()}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
