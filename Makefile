# Targets: `make help`. Set-up is part of every target that needs it and is quick when nothing is missing.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
SWIFT_BUILD := swift build -c release
DEMO ?= demo
FUZZ_RUNS ?= 100000
FOVEA := .build/release/fovea
PACKAGES := .build-dist/packages

.DEFAULT_GOAL := help

help: ## Lists the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 18

setup: ## Unpacks libtorch and libvips into the per-user cache, if they are missing
	@python3 tools/setup.py

build: setup ## Builds the program: .build/release/fovea
	@$(SWIFT_BUILD) --product fovea

test: setup lint ## Builds and runs all tests, as CI does
	@$(SWIFT_BUILD) --build-tests
	@# Tests run side by side, so each computes on one thread. Those of the server run by themselves: others block the
	@# threads that it answers on. It, its page and exported files are tried with other programs, where these can be had.
	@python=$$(tools/python_environment.sh tools/python-tests.txt 2> .build/python-tests.log | tail -n 1) || true; \
	export FOVEA_PYTHON=$$python OMP_NUM_THREADS=1; \
	swift test -c release --skip-build --skip '^ServerTests\.'; \
	FOVEA_SERVER_TESTS=alone swift test -c release --skip-build --filter '^ServerTests\.'; \
	[ -n "$$python" ] || echo "Skipped: exported files and the server in other programs. .build/python-tests.log:" \
		"$$(tail -n 1 .build/python-tests.log)"

scale: setup ## Tries several processes with the real mpirun, torchrun (needs PyTorch, 3 GB) and srun (needs root and Slurm)
	@$(SWIFT_BUILD) --build-tests
	@python=$$(tools/python_environment.sh tools/python-reference.txt | tail -n 1); \
	mpi=$$(tools/python_environment.sh tools/python-scale.txt | tail -n 1); \
	FOVEA_TORCHRUN=$${python%/*}/torchrun FOVEA_MPIRUN=$${mpi%/*}/mpirun OMP_NUM_THREADS=1 \
		tools/with_slurm.sh swift test -c release --skip-build --filter 'SeveralProcessesTests|WorkersTests'

fuzz: setup ## Feeds damaged files to every reader, guided by coverage where the toolchain can: FUZZ_RUNS inputs each
	@tools/fuzz.sh $(FUZZ_RUNS)

sanitize: setup ## Runs the tests of the modules without the engine under the address and the thread sanitizer
	@tools/sanitize.sh address
	@tools/sanitize.sh thread

dist: setup ## Packs program, libtorch and libvips into one archive for people without Swift
	@python3 tools/package.py dist

wheel: setup ## Packs program, libvips and the Python module into a wheel, which pip installs with torch
	@python3 tools/package.py wheel

test-packages: setup ## Builds both packages twice, and tries them on a bare Debian 12 and Ubuntu 22.04 and in a new virtual environment
	@rm -rf $(PACKAGES)
	@python3 tools/package.py dist --output $(PACKAGES)
	@python3 tools/package.py wheel --output $(PACKAGES)
	@tools/test_reproducible.sh $(PACKAGES)
	@tools/test_dist.sh $(PACKAGES)/*.tar.gz
	@tools/test_wheel.sh $(PACKAGES)/*.whl

# Building the server takes half as long as all the rest, and the demonstration does without.
demo: setup ## Draws phantoms, trains with distillation on them and shows what came out, without any data
	@$(if $(wildcard .build/release/Server.build),,FOVEA_MODULES=without-server) $(SWIFT_BUILD) --product fovea
	@rm -rf $(DEMO)/run
	@$(FOVEA) phantoms $(DEMO)/phantoms
	@FOVEA_DEMO=$(DEMO) $(FOVEA) train configs/demo.yaml

bench: build ## Benchmarks, against PyTorch where they compare
	@benchmarks/run.sh

format: ## Formats all Swift files in place
	@swift format --in-place --parallel --recursive --configuration .swift-format Package.swift Sources Tests

lint: ## Refuses what is not formatted
	@swift format lint --strict --parallel --recursive --configuration .swift-format Package.swift Sources Tests

doctor: build ## Says what was found, what is missing and how to fix it
	@$(FOVEA) doctor

clean: ## Removes what was built; the per-user cache stays
	@rm -rf .build .build-dist .deps /tmp/fovea-package

.PHONY: help setup build test scale fuzz sanitize dist wheel test-packages demo bench format lint doctor clean
