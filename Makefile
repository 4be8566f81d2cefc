# The project's commands. Each installs what it misses, says what it installs, and does nothing the second time.
# Extra words for one run: `make run PORT=9000 ADMIN_PORT=9001`, `make run HOST=module`.

WASM := wasm32-wasip1
CARGO = RUSTUP_TOOLCHAIN=$$(tests/setup/toolchain) cargo
PYTHON := target/venv/bin/python
# The release profile is made for the module in Envoy; the command runs for milliseconds, and builds in half the time.
QUICK := CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16

# What the filter is in `make run`. Some shells have a HOST of their own, which is the machine's name.
ifneq ($(origin HOST),command line)
HOST := $(or $(filter wasm module,$(HOST)),wasm)
endif

# Everything below looks for its files in target/.
export CARGO_TARGET_DIR := target
.DELETE_ON_ERROR:
.PHONY: build module command native run run-wasm run-module compose test keycloak vault bench fuzz lint clean wasm-target venv

# target/claimgate.wasm for Envoy, and the command target/release/claimgate.
build: module command

command:
	$(QUICK) $(CARGO) build --release --bin claimgate --no-default-features

# What the compiler has built is made a fifteenth smaller and no slower: V8 compiles all of it before the first request.
module: wasm-target
	$(CARGO) build --release --lib --target $(WASM)
	@command -v wasm-opt >/dev/null || tests/setup/debian binaryen
	@$(MAKE) --no-print-directory target/claimgate.wasm

# The features are those that the compiler uses and Envoy's V8 has on.
target/claimgate.wasm: target/$(WASM)/release/claimgate.wasm
	wasm-opt -Os --enable-simd --enable-bulk-memory --enable-sign-ext --enable-mutable-globals \
		--enable-nontrapping-float-to-int --enable-multivalue --enable-reference-types $< -o $@

# target/libclaimgate.so, the dynamic module for an Envoy from 1.38 on. To optimise across all crates takes minutes, and pays.
native:
	$(CARGO) build --profile module --lib
	@$(MAKE) --no-print-directory target/libclaimgate.so

# An Envoy that has the old file loaded keeps it: it must not be written over.
target/libclaimgate.so: target/module/libclaimgate.so
	cp $< $@.draft
	mv $@.draft $@

# Envoy with the filter, before a simulated provider; with HOST=module the filter is a dynamic module.
run: run-$(or $(HOST),wasm)

run-wasm: build venv
	CLAIMGATE_HOST=wasm $(PYTHON) tests/harness/run.py

run-module: native command venv
	CLAIMGATE_HOST=module $(PYTHON) tests/harness/run.py

run-%:
	@echo "error: HOST: \`$*\` is no host; write HOST=wasm or HOST=module" >&2; exit 1

# What docker-compose.yml mounts, for `docker compose up`; `make compose FLEET=1` for `docker compose --profile fleet up`.
compose: build venv
	FLEET=$(FLEET) $(PYTHON) tests/compose/prepare.py

# The driver builds and installs by itself, so that its summary also tells when that fails.
test:
	@RUSTUP_TOOLCHAIN=$$(tests/setup/toolchain) python3 tests/setup/test.py

# The exchange of users' tokens by Keycloak, which takes minutes to start.
keycloak: module venv
	tests/setup/keycloak
	KEYCLOAK=1 $(PYTHON) -m pytest -v tests/e2e/test_keycloak.py

# A feed of providers' keys from a vault, by the template of its agent.
vault: venv
	$(CARGO) build
	tests/setup/vault_template
	VAULT=1 CLAIMGATE_COMMAND=$(CURDIR)/target/debug/claimgate $(PYTHON) -m pytest -v tests/e2e/test_vault.py

# CPU per request of Envoy with the filter and with Envoy's own filters, side by side; some ten minutes. Writes
# target/bench.json and target/bench.svg; `make bench GROUP=bodies` runs one group and writes nothing.
bench: module native venv
	$(CARGO) build --release --example noop --example asking --target $(WASM)
	tests/setup/debian wrk
	tests/setup/rate_limit_service
	cd tests && ../$(PYTHON) -m bench $(if $(GROUP),--group $(GROUP))

# Fuzzes what reads requests, tokens and configurations: `make fuzz TARGET=token SECONDS=600`, or `RUNS=1000000`.
# `make fuzz TARGET=token INPUT=…` runs one input again, as a failed run has left it.
fuzz:
	python3 tests/fuzz/run.py run $(if $(TARGET),--target $(TARGET)) $(if $(RUNS),--runs $(RUNS)) \
		$(if $(TOTAL),--total $(TOTAL)) $(if $(SECONDS),--seconds $(SECONDS)) $(if $(INPUT),--input $(INPUT))

lint: wasm-target venv
	$(CARGO) fmt --check
	$(CARGO) clippy --all-targets -- -D warnings
	$(CARGO) clippy --lib --target $(WASM) -- -D warnings
	$(CARGO) fmt --check --manifest-path tests/fuzz/Cargo.toml
	$(PYTHON) -m ruff check --select E4,E7,E9,F tests
	target/venv/bin/shellcheck $$(grep -rlI '^#!/usr/bin/env bash' .ci tests)

clean:
	rm -rf target

wasm-target:
	@tests/setup/wasm-target

venv:
	@tests/setup/python
