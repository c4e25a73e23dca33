#!/bin/sh
# Builds the Worker into edge/build, for wrangler and for edge/local. Prints its size, and fails if
# it exceeds the limit.
set -eu

LIMIT=512000

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
cd "$root"
wasm=edge/build/index_bg.wasm

sh scripts/tools.sh edge
eval "$(sh scripts/tools.sh env)"

# Optimising is the slowest step, so do it only after a new build.
cargo build --quiet --locked --package cortex-edge --profile edge --target wasm32-unknown-unknown
made=${CARGO_TARGET_DIR:-target}/wasm32-unknown-unknown/edge/cortex_edge.wasm
if [ ! -e "$wasm" ] || [ -n "$(find "$made" edge/build.sh package-lock.json -newer "$wasm")" ]; then
    (cd edge && worker-build --profile edge --locked)
    "$WASM_OPT_BIN" --strip-debug --strip-producers "$wasm" -o "$wasm"
fi

size=$(gzip -9 -c "$wasm" | wc -c | tr -d ' ')
printf 'edge: %s bytes of wasm, gzipped; at most %s\n' "$size" "$LIMIT"
[ "$size" -le "$LIMIT" ]
