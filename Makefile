# Every target has its one-line help after "##"; a bare `make` prints them.

GO ?= go

.DEFAULT_GOAL := help
.PHONY: help demo build test test-long check fuzz bench generate lighthouse screenshots

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: ## everything on this machine, nothing to configure, nothing left behind
	$(GO) run ./cmd/portique demo

build: ## one static binary: bin/portique
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags "-s -w" -o bin/portique ./cmd/portique

test: ## every test, on SQLite and on a throw-away PostgreSQL; what cannot run here is said in one line
	@scripts/test

test-long: ## the same with the bigger counts and the race detector
	@PORTIQUE_TEST_LONG=1 scripts/test

check: ## what CI runs: as `make test`, and nothing may be skipped
	@CI=true scripts/test

bench: ## what the machine can do and what Portique does, side by side; four minutes, better on a quiet machine
	@GO="$(GO)" scripts/bench

FUZZTIME ?= 20s
fuzz: ## look for inputs that break the parsers, FUZZTIME=20s for each; what is found becomes a file in testdata/fuzz
	@for file in $$(find . -name fuzz_test.go -not -path './.*' | sort); do \
		for target in $$(sed -n 's/^func \(Fuzz[A-Za-z0-9]*\).*/\1/p' $$file); do \
			echo "== $$target"; $(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 1s $$(dirname $$file) || exit 1; \
		done; \
	done

generate: ## write the generated files (*_templ.go) again from their sources
	$(GO) tool -modfile=tools/go.mod templ generate

lighthouse: ## what Lighthouse says of the main pages; better on a quiet machine
	@GO="$(GO)" scripts/lighthouse

screenshots: ## take the pictures of docs/screenshots and docs/guide from the real pages
	@GO="$(GO)" scripts/screenshots
