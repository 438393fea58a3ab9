# What one does with this tree. `make help` lists the targets.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

GO ?= go
BIN := $(CURDIR)/bin
FUZZTIME ?= 30s

# Pinned: a newer linter must not turn an old commit red.
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOFUMPT := mvdan.cc/gofumpt@v0.12.0

# The tools in a name with their version, so that changing a version installs it.
staticcheck := $(BIN)/staticcheck@v0.8.2
gofumpt := $(BIN)/gofumpt@v0.12.0

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## /\1\t/' | while IFS=$$'\t' read -r name text; do printf '  make %-12s %s\n' "$$name" "$$text"; done

# What the pages are built from. npm writes the first file last, so it is newer than
# the lock file only after a whole installation.
modules := console/node_modules/.package-lock.json
pages := console/dist/manifest.json
sources := $(shell find console/src -type f) $(addprefix console/,vite.config.ts tsconfig.json package.json messages/en.json)

$(modules): console/package-lock.json
	@.ci/need pages
	@touch $@

$(pages): $(modules) $(sources)
	cd console && npm run build
	@touch $@

.PHONY: console
console: $(pages) ## build the pages that the binary embeds

.PHONY: run
run: console ## start the server at http://localhost:8080, with its data in ./keyturn-data
	$(GO) build -o $(BIN)/keyturn ./cmd/keyturn
	@exec $(BIN)/keyturn serve

.PHONY: build
build: console ## build bin/keyturn, static
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags='-s -w' -o $(BIN)/keyturn ./cmd/keyturn

# The race detector watches our code. It would make SQLite, which is C in the shape of Go
# with locks of its own, and packing, which knows one goroutine, five times as slow.
race := -race $(foreach package,modernc.org/... compress/flate,-gcflags=$(package)=-race=false)

# The stores come first: their tests wait for their engines while others work. lint has
# vetted.
.PHONY: test
test: downloads console lint browser verifiers stores ## lint, then every test with the race detector; browser, verifiers and all three stores included
	cd console && npm test
	KEYTURN_TEST_REQUIRE=postgres,dynamodb $(GO) test $(race) -vet=off -p 3 -timeout 12m $$($(GO) list ./internal/store/... ./... | grep -vE '/(e2e|drills)$$')
	KEYTURN_TEST_REQUIRE=browser,node,python,postgres,dynamodb,strace .ci/patiently ./drills $(race)
	KEYTURN_TEST_REQUIRE=browser,node,python .ci/patiently ./e2e $(race) -parallel 4

.PHONY: e2e
e2e: console browser verifiers ## only the tests with the built binary and a browser
	KEYTURN_TEST_REQUIRE=browser,node,python $(GO) test -count=1 -timeout 20m ./e2e

.PHONY: lint
lint: $(staticcheck) $(gofumpt) ## vet, staticcheck and formatting
	$(GO) vet ./...
	$(staticcheck) ./...
	@unformatted=$$($(gofumpt) -l $$(git ls-files --cached --others --exclude-standard -- '*.go')); \
	if [ -n "$$unformatted" ]; then \
		printf 'not formatted; run make format:\n%s\n' "$$unformatted" >&2; exit 1; \
	fi

.PHONY: format
format: $(gofumpt) ## format the Go files
	$(gofumpt) -w $$(git ls-files --cached --others --exclude-standard -- '*.go')

.PHONY: verify
verify: ## dependencies as recorded, generated files up to date, builds without cgo
	$(GO) mod verify
	$(GO) mod tidy -diff
	CGO_ENABLED=0 $(GO) build -trimpath -o /dev/null ./cmd/keyturn
	@.ci/need node
	$(openapi_types) --check
	$(GO) test -count=1 -run 'TestStepTables|TestSpecCoverage|TestDivergences|TestNegativeCases' ./webauthn # compares; with -update it writes

# The types of the API that the pages use come from the document that the server serves.
openapi_types := e2e/clients/openapi/node_modules/.bin/openapi-typescript internal/httpapi/openapi.yaml -o console/src/api/openapi.ts

.PHONY: api-types
api-types: ## write console/src/api/openapi.ts anew from the OpenAPI document
	@.ci/need node
	$(openapi_types)

# The pictures of README.md, by their names in the gallery.
pictures := sign-in-people-360-light account-360-dark account-1280-light

.PHONY: screenshots
screenshots: console browser ## photograph every state of every page, and renew docs/images
	rm -rf $(BIN)/pictures
	KEYTURN_TEST_REQUIRE=browser KEYTURN_TEST_SCREENSHOTS=$(BIN)/pictures $(GO) test -count=1 -run 'TestGallery' ./e2e
	mkdir -p docs/images
	cp $(addprefix $(BIN)/pictures/,$(addsuffix .png,$(pictures))) docs/images/

.PHONY: bench
bench: build ## measure the parts, then whole sign-ins in both modes
	$(GO) test -run '^$$' -bench . -benchmem . ./webauthn ./internal/seal ./internal/ticket ./internal/store/sqlite
	$(BIN)/keyturn bench --workers 32 --mode cookie
	$(BIN)/keyturn bench --workers 32 --mode token

.PHONY: fuzz
fuzz: ## fuzz every target for FUZZTIME (30s)
	@$(GO) list -f '{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}}{{end}}' ./... | while read -r package; do \
		for target in $$($(GO) test -list '^Fuzz' "$$package" | grep '^Fuzz' || true); do \
			printf '%s %s\n' "$$package" "$$target"; \
			$(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) "$$package"; \
		done; \
	done

.PHONY: drills
drills: stores ## faults and attacks against the built binary, on all three stores, at full size; prints the figures
	KEYTURN_DRILLS=full KEYTURN_TEST_REQUIRE=postgres,dynamodb,strace $(GO) test -count=1 -v -timeout 120m ./drills
	KEYTURN_DRILLS=full KEYTURN_TEST_REQUIRE=dynamodb $(GO) test -count=1 -v -run TestCapacity ./internal/store/dynamo

# What the tests need beside Go.

.PHONY: downloads
downloads:
	@.ci/need modules

$(staticcheck):
	@GOBIN=$(BIN) .ci/need tool $(STATICCHECK)
	mv $(BIN)/staticcheck $@

$(gofumpt):
	@GOBIN=$(BIN) .ci/need tool $(GOFUMPT)
	mv $(BIN)/gofumpt $@

.PHONY: browser
browser:
	@.ci/need browser

.PHONY: verifiers
verifiers:
	@.ci/need python
	@.ci/need node

# The stores, and what breaks the ground under them.
.PHONY: stores
stores:
	@.ci/need postgres
	@.ci/need dynamodb
	@.ci/need strace
