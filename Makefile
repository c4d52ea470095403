# Every command that a person or CI types. `make` lists them.

SHELL := bash
.DEFAULT_GOAL := help
VENV := $(CURDIR)/target/venv
TARGET := $(or $(CARGO_TARGET_DIR),target)
# cargo finds its subcommand `lambda` on the PATH.
export PATH := $(VENV)/bin:$(PATH)
FUNCTIONS := login validate authorizer
WATCH_PORT ?= 9000
MINUTES ?= 10
SECONDS ?= 60
ONLY ?=
ROUNDS ?= 5
ROUND_SECONDS ?= 3
ROUTE ?= validate-hs256

.PHONY: help
help: ## List the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 22

.PHONY: run
run: ## Start both functions on embedded SQLite, with a demo user, and say what to try
	@tests/setup rust
	@echo "building (some minutes the first time)"
	@cargo build --quiet -p local
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
test: ## Install what the tests need, and run every check
	@tests/run

.PHONY: gateways
gateways: ## Start nginx, Caddy, Traefik and Envoy in front of validate, and print what each lets through
	@tests/setup rust packages python nginx
	@echo "building (some minutes the first time)"
	@cargo build --quiet --workspace
	@cargo test --quiet -p system-tests --test gateways -- --include-ignored --nocapture

.PHONY: sam
sam: ## Check template.yaml, build the Lambda functions with SAM, and drive what was built
	@tests/setup rust packages python
	@tests/sam check
	@tests/sam build
	@cargo build --quiet --workspace --all-targets
	@cargo test --quiet --workspace --test sam -- --include-ignored

.PHONY: image
image: ## Build an image of each function from scratch, as ARCH=amd64 or arm64 (this machine's)
	@tests/setup rust image
	@k8s-knative/image $(ARCH)

.PHONY: minikube-secrets
minikube-secrets: ## Make the secrets of the overlay minikube, in a file that git ignores
	@tests/setup rust
	@k8s-knative/secrets k8s-knative/overlays/minikube/secrets.yaml

.PHONY: minikube
minikube: ## Run everything on a minikube with Knative, log in and validate
	@k8s-knative/minikube

.PHONY: soak
soak: ## Run release builds for MINUTES=10 with mixed traffic and a fault every minute
	@tests/setup rust packages python
	@echo "building (some minutes)"
	@for function in login validate; do cargo build --release --quiet -p $$function; done
	@cargo build --quiet -p system-tests --bin soak
	@$(TARGET)/debug/soak $(MINUTES) $(TARGET)/release

.PHONY: bench-metrics
bench-metrics: ## Measure what metrics cost `validate`, on and off in turns
	@tests/setup rust wrk
	@echo "building (some minutes)"
	@cargo build --release --quiet -p validate
	@bench/metrics

.PHONY: openapi
openapi: ## Write openapi.json, as the code has it
	@tests/setup rust
	@cargo build --quiet -p local
	@$(TARGET)/debug/local openapi >openapi.json

.PHONY: instructions
instructions: ## Count the instructions of a request by callgrind, beside those that are kept
	@tests/setup rust valgrind
	@instruments/run check

.PHONY: accept-instructions
accept-instructions: ## Keep what was counted in instruments/instructions.json, on purpose
	@tests/setup rust valgrind
	@instruments/run accept

.PHONY: allocations
allocations: ## Show where a request asks for memory, with stacks: ROUTE=validate-hs256
	@tests/setup rust
	@cargo build --quiet --workspace --example allocation-sites
	@$(TARGET)/debug/examples/allocation-sites $(ROUTE) 2>/dev/null

.PHONY: bench-parts
bench-parts: ## Time the parts of a request with criterion: parse, verify, sign, hash, respond
	@tests/setup rust
	@instruments/run parts

.PHONY: lint
lint: ## Check format, lints, documentation and structure
	@tests/setup rust lints deny
	@tests/lint

.PHONY: fuzz
fuzz: ## Fuzz each parser for SECONDS (60), beginning with fuzz/corpus.tsv
	@tests/setup rust fuzz
	@fuzz/run $(SECONDS)

.PHONY: format
format: ## Format the code
	@cargo fmt

.PHONY: release
release: ## Build the functions for this machine, as small as they are shipped
	@tests/setup rust
	@echo "building (some minutes)"
	@# One by one: built together, validate would get what only login needs.
	@for function in $(FUNCTIONS); do cargo build --release --quiet -p $$function; done
	@ls -l $(addprefix $(TARGET)/release/,$(FUNCTIONS))

.PHONY: bench
bench: ## Measure the functions beside their baselines; ONLY=validate, login, start, size, scaling
	@tests/setup rust packages python nginx bench
	@bench/build
	@ROUNDS=$(ROUNDS) ROUND_SECONDS=$(ROUND_SECONDS) $(TARGET)/release/bench $(ONLY)

.PHONY: capacity
capacity: ## Work out what rates of requests take, simulate storms, write docs/capacity.md
	@tests/setup rust
	@cargo build --quiet -p capacity
	@$(TARGET)/debug/capacity

.PHONY: clean
clean: ## Remove everything that was built or installed here
	@rm -rf target
