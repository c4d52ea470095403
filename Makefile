# All commands for developers and CI. `make` lists them.

SHELL := bash
.DEFAULT_GOAL := help
VENV := $(CURDIR)/target/venv
TARGET := $(or $(CARGO_TARGET_DIR),target)
# For cargo-lambda, which cargo finds on the PATH.
export PATH := $(VENV)/bin:$(PATH)
WATCH_PORT ?= 9000
SECONDS ?= 60
ONLY ?=
ROUNDS ?= 5
ROUND_SECONDS ?= 3

.PHONY: help
help: ## List the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 22

.PHONY: run
run: ## Start both functions on embedded SQLite, with a demo user, and print commands to try
	@tests/setup rust
	@cargo build -p local
	@$(TARGET)/debug/local

.PHONY: watch
watch: ## Start both functions behind `cargo lambda watch`; on MySQL if DATABASE_URL is set
	@tests/setup rust cargo-lambda
	@echo "building (some minutes the first time)"
	@cargo build --quiet --workspace
	@set -e; while IFS== read -r name value; do \
	  case $$name in \
	    DATABASE_URL) given="$${DATABASE_URL:-}$${DATABASE_URL_FILE:-}$${DATABASE_SECRET_ID:-}$${MYSQL_HOST:-}";; \
	    *) given="$${JWT_SECRET:-}$${JWT_SECRET_FILE:-}$${JWT_SECRET_ID:-}";; \
	  esac; \
	  [ -n "$$given" ] || export "$$name=$$value"; \
	done < <($(TARGET)/debug/local prepare); \
	echo "login:    http://localhost:$(WATCH_PORT)/lambda-url/login/login"; \
	echo "validate: http://localhost:$(WATCH_PORT)/lambda-url/validate/validate"; \
	cargo lambda watch --features login/sqlite --invoke-port $(WATCH_PORT)

.PHONY: invoke
invoke: ## Send each file in events/ to the functions that `make watch` has started
	@tests/setup cargo-lambda
	@events/invoke $(WATCH_PORT)

.PHONY: test
test: ## Install what the tests need, and run the checks that every change has to pass
	@tests/run test

.PHONY: verify
verify: ## Run the slow checks: images, faults, MySQL 9, browsers, other programs
	@tests/run verify

.PHONY: gateways
gateways: ## Start nginx, Caddy, Traefik and Envoy in front of validate, and print what each lets through
	@tests/setup rust packages python nginx
	@echo "building (some minutes the first time)"
	@cargo build --quiet --workspace
	@cargo test -p system-tests --test gateways -- --include-ignored --nocapture

.PHONY: sam
sam: release ## Check template.yaml, and test the release in AWS's Lambda emulator
	@tests/setup packages python
	@tests/sam
	@cargo test -p verify --test sam -- --include-ignored

.PHONY: deploy
deploy: release ## Build for ARCH=amd64 or arm64 (this machine's), and deploy to AWS; asks for the parameters the first time
	@tests/setup python
	@functions/deploy

.PHONY: image
image: ## Build an image of each function from scratch, for ARCH=amd64 or arm64 (this machine's)
	@tests/setup rust image
	@k8s-knative/image $(ARCH)

.PHONY: minikube-secrets
minikube-secrets: ## Make the secrets of the overlay minikube, in a file that git ignores
	@tests/setup rust
	@k8s-knative/secrets k8s-knative/overlays/minikube/secrets.yaml

.PHONY: minikube
minikube: ## Run everything on a minikube with Knative, log in and validate
	@k8s-knative/minikube

.PHONY: lint
lint: ## Check format, lints, documentation and structure
	@tests/setup rust lints deny
	@tests/lint

.PHONY: fuzz
fuzz: ## Fuzz each parser for SECONDS (60), beginning with tests/fuzz/corpus.tsv
	@tests/setup rust fuzz
	@tests/fuzz/run $(SECONDS)

.PHONY: format
format: ## Format the code
	@cargo fmt

.PHONY: release
release: ## Build each function as one static file, target/lambda/NAME/bootstrap, for ARCH=amd64 or arm64
	@tests/setup rust
	@functions/release $(ARCH)

.PHONY: bench
bench: release ## Compare the functions with baselines; ONLY=validate, tokens, flood, login, start, size, memory
	@tests/setup packages python bench
	@cargo build --release --locked --manifest-path tests/bench/baselines/Cargo.toml \
	  --target-dir target/bench/baselines
	@ROUNDS=$(ROUNDS) ROUND_SECONDS=$(ROUND_SECONDS) target/bench/venv/bin/python -B tests/bench/run.py $(ONLY)

.PHONY: clean
clean: ## Remove everything that was built or installed here
	@rm -rf target
