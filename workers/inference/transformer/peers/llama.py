"""Measures llama.cpp like `--example speed`: `llama.py MODEL.gguf [threads] [steps]`.

Needs llama-cpp-python; BENCHMARKS.md says how it was built.
"""

import ctypes
import sys
import time

import llama_cpp

PROMPT = 128


@llama_cpp.llama_log_callback
def quiet(_level, _text, _data):
    pass


def measure(model, sequences, threads, steps):
    """Returns the tokens per second of single steps, of all sequences together, and of the fastest prompt."""
    params = llama_cpp.llama_context_default_params()
    params.n_ctx = 256 * sequences
    params.n_batch = params.n_ubatch = 512
    params.n_seq_max = sequences
    params.n_threads = params.n_threads_batch = threads
    context = llama_cpp.llama_init_from_model(model, params)
    assert context, "no context"
    batch = llama_cpp.llama_batch_init(512, 0, sequences)

    def decode(tokens):
        start = time.perf_counter()
        batch.n_tokens = len(tokens)
        for at, (token, position, sequence, wanted) in enumerate(tokens):
            batch.token[at], batch.pos[at], batch.logits[at] = token, position, wanted
            batch.n_seq_id[at], batch.seq_id[at][0] = 1, sequence
        status = llama_cpp.llama_decode(context, batch)
        assert status == 0, f"llama_decode says {status}"
        llama_cpp.llama_get_logits(context)
        return time.perf_counter() - start

    prompt = [n * 97 % 32_000 for n in range(PROMPT)]
    prefill = 0.0
    for sequence in range(sequences):
        took = decode([(token, at, sequence, at == PROMPT - 1) for at, token in enumerate(prompt)])
        prefill = max(prefill, PROMPT / took)

    def step(position):
        return decode([(0, position, sequence, True) for sequence in range(sequences)])

    step(PROMPT)
    took = sum(step(PROMPT + 1 + n) for n in range(steps))
    llama_cpp.llama_batch_free(batch)
    llama_cpp.llama_free(context)
    return sequences * steps / took, prefill


def main(path, threads=2, steps=24):
    llama_cpp.llama_log_set(quiet, ctypes.c_void_p(0))
    llama_cpp.llama_backend_init()
    params = llama_cpp.llama_model_default_params()
    params.n_gpu_layers = 0
    model = llama_cpp.llama_model_load_from_file(path.encode(), params)
    assert model, f"{path} can't be loaded"
    print(f"llama-cpp-python {llama_cpp.__version__}: batch, decode t/s, prefill t/s")
    for sequences in (1, 8):
        decode, prefill = measure(model, sequences, threads, steps)
        print(f"{sequences:5} {decode:11.1f} {prefill:12.1f}", flush=True)


main(sys.argv[1], *map(int, sys.argv[2:4]))
