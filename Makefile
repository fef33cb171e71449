# What a person or a CI job runs here. `make help` lists it.

GO      ?= go
BIN     := bin/scrim
BINDIR  ?=
FUZZTIME ?= 30s
GOLANGCI := $(GO) tool -modfile=internal/lint/golangci-lint.mod golangci-lint

# The race detector needs a C compiler; Go knows whether there is one.
RACE = $(if $(filter 1,$(shell $(GO) env CGO_ENABLED)),-race)

# Hyperscan is measured too where its headers are (libhyperscan-dev).
HYPERSCAN = $(if $(RACE),$(shell pkg-config --exists libhs 2>/dev/null && echo -tags hyperscan))
COMPARE = $(GO) test $(HYPERSCAN) -run '^$$' -bench '^BenchmarkCompare$$' -benchtime 1x -cpu 1 -timeout 30m ./redact -args $(BENCHFLAGS)

NPM_CI := npm ci --no-audit --no-fund --loglevel=error
NODE_OK := command -v npm >/dev/null 2>&1 && node -e 'process.exit(process.versions.node.split(".")[0] >= 20 ? 0 : 1)' 2>/dev/null

.DEFAULT_GOAL := build
.PHONY: build install demo test test-claude test-live clients race-note lint rules docs pictures docs-current fuzz bench bench-docs check clean help

build: ## build bin/scrim
	$(GO) build -trimpath -o $(BIN) ./cmd/scrim

install: build ## put scrim on the PATH, in BINDIR or the first folder there that you may write to
	@dir="$(BINDIR)"; \
	for d in "$$($(GO) env GOBIN)" "$$($(GO) env GOPATH)/bin" "$$HOME/.local/bin" "$$HOME/bin" /usr/local/bin; do \
		[ -z "$$dir" ] || break; \
		case ":$$PATH:" in *":$$d:"*) mkdir -p "$$d" 2>/dev/null; [ -w "$$d" ] && dir="$$d";; esac; \
	done; \
	if [ -z "$$dir" ]; then \
		echo "install: no folder on your PATH can be written to: run make install BINDIR=FOLDER" >&2; exit 1; \
	fi; \
	mkdir -p "$$dir" && cp $(BIN) "$$dir/scrim.new" && mv "$$dir/scrim.new" "$$dir/scrim" && echo "installed $$dir/scrim"; \
	case ":$$PATH:" in *":$$dir:"*) ;; *) echo "install: $$dir is not on your PATH: add it" >&2;; esac

demo: build ## the whole story in one terminal: no account, nothing installed
	./$(BIN) demo

test: clients race-note ## all tests; those with Node clients where Node 20 is there, and a browser
	$(GO) test $(RACE) -timeout 14m ./...
	$(GO) -C internal/rules/upstream test ./...

# A client that cannot be had is left out, in one line; SCRIM_E2E=require makes
# that a failure.
clients:
	@if ! { $(NODE_OK); }; then why="there is no Node 20 with npm"; \
	elif ! $(MAKE) -s internal/e2e/node_modules/.package-lock.json; then why="npm could not install them"; \
	else exit 0; fi; \
	echo "make: left out the tests with Node clients: $$why" >&2; \
	[ "$$SCRIM_E2E" != require ]

internal/e2e/node_modules/.package-lock.json: internal/e2e/package-lock.json
	$(NPM_CI) --ignore-scripts --prefix internal/e2e
	@touch $@

race-note:
	@[ -n "$(RACE)" ] || echo "make: left out the race detector: there is no C compiler" >&2

test-claude: internal/e2e/claude/node_modules/.package-lock.json ## Claude Code, headless, against a scripted stand-in for its model
	SCRIM_E2E_CLAUDE=1 $(GO) test -count=1 -timeout 10m -run Claude ./internal/e2e

internal/e2e/claude/node_modules/.package-lock.json: internal/e2e/claude/package-lock.json
	$(NPM_CI) --prefix internal/e2e/claude
	@touch $@

test-live: ## the adapter and the commands that write against a real Infisical; SCRIM_LIVE_CREDS names the file
	@[ -n "$$SCRIM_LIVE_CREDS" ] || { echo "test-live: set SCRIM_LIVE_CREDS to a JSON file (docs/infisical.md)" >&2; exit 1; }
	$(GO) test -count=1 -run Live -v ./internal/infisical ./internal/e2e

lint: docs-current ## linters, other systems, generated pages
	$(GOLANGCI) run
	GOOS=darwin $(GO) vet ./...
	GOOS=windows $(GO) vet ./...

rules: ## copy the rules for unknown secrets from the gitleaks module of internal/rules/upstream
	$(GO) -C internal/rules/upstream test -count=1 -run TestCopyIsTheModules . -update
	$(GO) -C internal/rules/upstream test -count=1 ./...

docs: build ## write docs/cli.md, docs/tools.md and docs/rules.md
	./$(BIN) docs docs

pictures: clients ## take the pictures of the approval page anew, in docs/images (needs Chromium)
	SCRIM_E2E=require $(GO) test -count=1 -run '^TestApprovalPage$$' ./internal/e2e -args -pictures "$(CURDIR)/docs/images"

docs-current: build
	@dir=$$(mktemp -d) && trap 'rm -rf "$$dir"' EXIT && ./$(BIN) docs "$$dir" && \
	for page in cli.md tools.md rules.md; do \
		diff -u "docs/$$page" "$$dir/$$page" || { echo "lint: docs/$$page is not what the code says: run make docs" >&2; exit 1; }; \
	done

fuzz: ## every fuzz target, FUZZTIME (30s) each
	@for package in $$($(GO) list ./...); do \
		for target in $$($(GO) test -list '^Fuzz' "$$package" | grep '^Fuzz'); do \
			echo "$$package $$target"; \
			$(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 1s "$$package" || exit 1; \
		done; \
	done

bench: ## scrim beside a bare echo server: start, round trip, memory; and the redactor beside others
	$(GO) run ./internal/bench
	$(COMPARE)

bench-docs: ## the same for the redactor alone, written to docs/performance.md and docs/performance.svg
	$(COMPARE) -docs ../docs

check: lint test ## lint and test

clean: ## remove what was built and installed here
	rm -rf bin internal/e2e/node_modules internal/e2e/claude/node_modules

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
