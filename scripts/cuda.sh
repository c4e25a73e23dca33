#!/bin/sh
# Builds cortex-worker for NVIDIA cards. The machine needs neither a card nor CUDA.
#
#   cuda.sh build   builds the worker with the feature `cuda`, as target/cuda/cortex-worker
#   cuda.sh home    only downloads what the build needs, once, and prints the folder
#   cuda.sh env     prints the environment of the build, for eval before any other cargo command
#
# CORTEX_CUDA_HOME   the folder of CUDA's compiler and libraries, 1.2 GB from PyPI's wheels
#                    [~/.cache/cortex/cuda]
# CUDA_COMPUTE_CAP   the card's compute capability without the dot: 80 A100, 89 L40 and RTX 40,
#                    90 H100 and H200 [90]
#
# The worker is linked against a stub of the driver's libcuda, which only declares its functions and
# traps when one is called. The stub stays beside the compiler, under a name that no program looks
# for. At its start, the worker loads the driver's own libcuda.so.1, and CUDA 13's libcudart,
# libcublas (with libcublasLt) and libcurand. Those come with CUDA, or from the same wheels by
# LD_LIBRARY_PATH. Without them the worker does not start. CUDA 13.0 needs a driver of series 580 or
# newer.
set -eu

# The versions belong to one release of CUDA.
WHEELS='
    nvidia-cuda-nvcc==13.0.88
    nvidia-cuda-crt==13.0.88
    nvidia-nvvm==13.0.88
    nvidia-cuda-runtime==13.0.96
    nvidia-cuda-cccl==13.0.85
    nvidia-cuda-nvrtc==13.0.88
    nvidia-cublas==13.1.0.3
    nvidia-curand==10.4.0.35
'

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
target=${CARGO_TARGET_DIR:-$root/target}
case $target in /*) ;; *) target=$PWD/$target ;; esac
cache=${CORTEX_CUDA_HOME:-$HOME/.cache/cortex/cuda}
cuda=$cache/nvidia/cu13
cd "$root"

say() { printf 'cuda: %s\n' "$*" >&2; }
have() { command -v "$1" >/dev/null 2>&1; }

die() {
    say "$*"
    exit 1
}

home() {
    have python3 || die "no python3 on the PATH, which downloads the wheels: install it (apt-get install python3)"
    have cc || die "no C compiler on the PATH: install one (apt-get install build-essential)"
    wheels
    links
    stub
}

wheels() {
    # One line, because command substitution removes trailing newlines.
    wanted=$(printf '%s' "$WHEELS" | tr -s ' \n' ' ')
    [ "$(cat "$cache/.wheels" 2>/dev/null)" != "$wanted" ] || return 0
    [ ! -e "$cache" ] || [ -e "$cache/.wheels" ] || die "$cache exists, but this script did not make it: set CORTEX_CUDA_HOME to another folder"
    say "downloading CUDA's compiler and libraries, 1.2 GB"
    rm -rf "$cache" "$cache.part"
    mkdir -p "$cache.part"
    # Word splitting turns the variable into a list of wheels.
    # shellcheck disable=SC2086
    python3 -m pip install --quiet --disable-pip-version-check --no-deps --no-compile --only-binary=:all: \
        --root-user-action=ignore --target "$cache.part" $WHEELS || die "the wheels could not be downloaded"
    printf '%s' "$wanted" >"$cache.part/.wheels"
    mv "$cache.part" "$cache"
}

# The linker looks for libNAME.so, but the wheels have libNAME.so.VERSION.
links() {
    for library in "$cuda"/lib/lib*.so.*; do
        name=${library##*/}
        ln -sf "$name" "$cuda/lib/${name%%.so.*}.so"
    done
}

# Prints every driver function that the bindings in Cargo.lock declare, so that the linker finds all.
stub() {
    have cargo || die "no cargo on the PATH: install Rust from https://rustup.rs, then open a new shell"
    manifest=$(cargo metadata --locked --format-version 1 --features cortex-worker/cuda --filter-platform "$(rustc --print host-tuple)" |
        python3 -c 'import json, sys; print(*(p["manifest_path"] for p in json.load(sys.stdin)["packages"] if p["name"] == "cudarc"))')
    [ -f "$manifest" ] || die "Cargo.lock must contain exactly one version of cudarc"
    mkdir -p "$cuda/lib/stubs"
    grep -oh 'fn cu[A-Z][A-Za-z0-9_]*(' "$(dirname "$manifest")/src/driver/sys/mod.rs" | sort -u |
        sed 's/^fn \(.*\)(/void \1(void) { __builtin_trap(); }/' |
        cc -x c -w -shared -fPIC -Wl,-soname,libcuda.so.1 -o "$cuda/lib/stubs/libcuda.so" -
}

quoted() { printf "'%s'" "$(printf '%s' "$1" | sed "s/'/'\\\\''/g")"; }

environment() {
    printf 'export CUDA_HOME=%s\n' "$(quoted "$cuda")"
    printf "export PATH=%s:\"\$PATH\"\\n" "$(quoted "$cuda/bin")"
    printf 'export CUDA_COMPUTE_CAP=%s\n' "$(quoted "${CUDA_COMPUTE_CAP:-90}")"
}

build() {
    eval "$(environment)"
    cargo build --locked --profile cuda -p cortex-worker --features cuda
    worker=$target/cuda/cortex-worker
    needs=$(LC_ALL=C readelf -d "$worker" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p; s/.*(R\(UN\)\{0,1\}PATH).*/RPATH/p')
    printf '%s\n' "$needs" | grep -qx libcuda.so.1 || die "$worker does not load the driver's libcuda.so.1"
    ! printf '%s\n' "$needs" | grep -qx RPATH || die "$worker has a library path into its build folder"
    say "$worker needs $(printf '%s\n' "$needs" | grep -v '^ld-\|^lib[cm]\.\|^libgcc' | tr '\n' ' ')"
}

case ${1:-} in
home)
    home
    printf '%s\n' "$cuda"
    ;;
env)
    home
    environment
    ;;
build)
    home
    build
    ;;
*) die "usage: cuda.sh build|home|env" ;;
esac
