# Every target works on a fresh clone with Go alone; `make` lists them.

GO ?= go
# The packages with goroutines of their own. The harnesses of kv/kvtest run one task
# at a time; engines run them here.
CONCURRENT = . ./kv ./kv/ref ./lsm/... ./bwtree/... ./journal ./vfs ./version ./internal/...
FUZZTIME ?= 50000x
SOAK ?= 30m
CASE ?= fill
KEYS ?= 100000

.PHONY: help all fmt lint vet build test race fuzz soak cross test-386 nested features model bench-sync bench-kv bench-version docs tour

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

all: fmt lint vet build test ## what a change must pass

fmt: ## fail if a file is not formatted
	@test -z "$$(gofmt -l . | tee /dev/stderr)"

vet: ## go vet
	$(GO) vet ./...

lint: ## staticcheck, at the version pinned in tools/
	$(GO) tool -modfile=tools/go.mod staticcheck ./...

build: ## compile everything
	$(GO) build ./...

test: ## all tests
	$(GO) test ./...

race: ## the concurrent packages under the race detector
	$(GO) test -race -short -skip 'Anywhere' $(CONCURRENT) # those run one task at a time
	$(GO) test -race -short -skip 'Anywhere' -tags interleave ./bwtree/... # others run at each compare-and-swap

fuzz: ## each fuzz target for FUZZTIME, 50000x or 10s for instance
	@$(GO) list -f '{{.ImportPath}}' ./... | while read -r pkg; do \
	  for f in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz'); do \
	    echo "$$pkg $$f"; $(GO) test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 5x $$pkg || exit 1; \
	  done; done

soak: ## long runs of the model, crash and fault harnesses, and of the memory bound, for SOAK
	VARVE_SOAK=$(SOAK) $(GO) test -timeout 0 -run 'TestSoak|TestTheHeap|ComeBack' ./kv/ref ./lsm ./bwtree ./version ./pco

cross: ## compile for every platform we promise
	@for t in windows/amd64 darwin/arm64 linux/386 linux/arm64 wasip1/wasm js/wasm; do \
	  echo $$t; CGO_ENABLED=0 GOOS=$${t%/*} GOARCH=$${t#*/} $(GO) build ./... || exit 1; done

test-386: ## the tests that do not take long, as a 32-bit program
	GOARCH=386 CGO_ENABLED=0 $(GO) test -short . ./codec ./pco ./journal ./kv ./lsm/internal/... ./vfs ./version ./internal/... ./examples/...

nested: ## the tests of the nested modules
	cd bench && $(GO) vet ./... && $(GO) test -short ./...
	cd conformance && $(GO) vet ./... && $(GO) test ./...

features: ## check that docs/features.md names tests and examples that exist
	$(GO) test -run TestFeatures -count 1 ./internal/docs

model: ## check the models of the lock-free protocols with spin, where it is
	models/check.sh

bench-sync: ## durable puts from 1 to 64 goroutines
	cd bench && $(GO) run . sync

bench-kv: ## key-value benchmark; CASE=fill|sync|read|mixed|large|warm|cold, TAGS=cgo_peers adds RocksDB and LMDB
	cd bench && $(GO) run -tags "$(TAGS)" . kv -case $(CASE)

bench-version: ## versioned map: loads, reads, diffs, merges; KEYS=1000000 for the full size
	cd bench && $(GO) run . version -keys $(KEYS)

docs: ## the documentation of the packages as text
	@for p in $$($(GO) list ./... | grep -v internal); do echo "=== $$p"; $(GO) doc -all $$p; done

tour: ## every collection on real data
	$(GO) run ./cmd/varve tour
