# The commands for users and contributors. scripts/tools.sh installs the tools that are missing.

export CARGO_TARGET_DIR := $(abspath $(or $(CARGO_TARGET_DIR),target))
export WRANGLER_SEND_METRICS := false

CORTEX := $(CARGO_TARGET_DIR)/quick/cortex
MODEL := all-MiniLM-L6-v2
CHAT_MODEL := cortex-small
REAL_CHAT_MODEL := SmolLM2-135M-Instruct-Q4_1
TEST_HOME := $(CARGO_TARGET_DIR)/home

.NOTPARALLEL:
.PHONY: demo up test bless chaos check lint clippy doc deploy-check fuzz-check bench build edge clean

# Sends real work through the public API, prints what happened and stops.
demo: build
	@$(CORTEX) demo

# Starts everything and stays up until Ctrl-C.
up: build
	@$(CORTEX) up

test: export CORTEX_HOME := $(TEST_HOME)
test: export CORTEX_TEST_MODELS := $(TEST_HOME)/models
test:
	@scripts/tools.sh test
	@sh edge/build.sh
	@cargo build --locked
	@$(CARGO_TARGET_DIR)/debug/cortex models pull $(MODEL)
	@$(CARGO_TARGET_DIR)/debug/cortex models pull $(CHAT_MODEL)
	@$(CARGO_TARGET_DIR)/debug/cortex models pull $(REAL_CHAT_MODEL)
	@cargo test --locked -q --doc
	@eval "$$(scripts/tools.sh env)" && cargo nextest run --locked && cargo nextest run --locked -p cortex-edge

# Rewrites every generated file: the OpenAPI document, schemas, help texts, the responses of all
# paths, failures of the command line, the generated pages of docs/, the pages of messages and the
# examples of the API.
bless: export CORTEX_BLESS := 1
bless: export CORTEX_HOME := $(TEST_HOME)
bless: export CORTEX_TEST_MODELS := $(TEST_HOME)/models
bless: edge
	@cargo build --locked -p cortex -p cortex-worker
	@cargo test --locked -q -p cortex-api --test openapi
	@cargo test --locked -q -p cortex -p cortex-worker --test help
	@cargo test --locked -q -p cortex --bin cortex every_failure
	@cargo test --locked -q -p cortex-node --test schemas
	@cargo test --locked -q -p cortex-node --lib every_path
	@cargo test --locked -q -p cortex-edge every_path
	@cargo test --locked -q -p cortex-tests --test examples --test messages
	@cargo test --locked -q -p cortex-tests --test docs

# Each filter runs on its own, so that a filter without a matching test is an error.
CHAOS_TESTS := 'binary(chaos)' 'test(every_job_ends_once)' 'test(damaged)' 'test(mutated)' 'test(chunks_do_not_show)' \
	'test(under_mixed_load)'

# Runs the long form of the tests that kill processes, cut the power, damage files and use random
# numbers. It takes hours.
chaos: export CORTEX_HOME := $(TEST_HOME)
chaos: export CORTEX_TEST_MODELS := $(TEST_HOME)/models
chaos: export CORTEX_CHAOS_CYCLES := 1000
chaos: export CORTEX_SIM_SEEDS := 100000
chaos: export CORTEX_DRIVER_SEEDS := 10000
chaos: export CORTEX_MUTATIONS := 100000
chaos: export CORTEX_LOAD_SECONDS := 600
chaos:
	@scripts/tools.sh test
	@sh edge/build.sh
	@cargo build --locked
	@eval "$$(scripts/tools.sh env)" && failed= && for tests in $(CHAOS_TESTS); do \
		cargo nextest run --locked --no-tests fail --profile chaos -E "$$tests" || failed="$$failed $$tests"; \
	done && { [ -z "$$failed" ] || { echo "failed:$$failed" >&2; exit 1; }; }

check: lint clippy doc deploy-check fuzz-check
	@cargo test --locked -q -p cortex-tests --test structure --test docs --test messages

lint:
	@scripts/tools.sh lint
	@cargo fmt --all -- --check
	@shellcheck .ci/run $$(git ls-files --cached --others --exclude-standard '*.sh')
	@yamllint --strict .
	@python3 scripts/lint-words.py --self-test
	@python3 scripts/lint-words.py
	@if command -v cargo-deny >/dev/null; then cargo deny check bans licenses sources; fi

clippy:
	@scripts/tools.sh edge
	@cargo clippy --locked --all-targets -- -D warnings
	@cargo clippy --locked -p cortex-edge --target wasm32-unknown-unknown -- -D warnings

doc:
	@RUSTDOCFLAGS='-D warnings' cargo doc --locked --no-deps

# Checks that the fuzz targets compile. Running them needs nightly Rust and cargo-fuzz
# (CONTRIBUTING.md).
fuzz-check:
	@cargo check --locked -q --manifest-path tests/fuzz/Cargo.toml

# Builds the Worker as a deployment would and checks it against wrangler.toml.
deploy-check:
	@scripts/tools.sh edge
	@CI=1 node_modules/.bin/wrangler deploy --dry-run --outdir $(CARGO_TARGET_DIR)/deploy-check

# Compares with sentence-transformers too, if CORTEX_BENCH_PYTHON names a Python that has it.
bench: export CORTEX_HOME := $(TEST_HOME)
bench: CORTEX := $(CARGO_TARGET_DIR)/release/cortex
bench: edge
	@cargo build --locked --release -p cortex -p cortex-worker
	@cargo build --locked --release -p cortex-inference --example embed_speed
	@$(CORTEX) models pull $(MODEL)
	@cargo bench --locked -p cortex-tests --bench load
	@cargo bench --locked -p cortex-tests --bench rules

build: edge
	@cargo build --locked --profile quick -p cortex -p cortex-worker
	@$(CORTEX) models pull $(MODEL)

edge:
	@scripts/tools.sh edge
	@sh edge/build.sh

clean:
	@cargo clean
	@rm -rf node_modules .wrangler edge/build
