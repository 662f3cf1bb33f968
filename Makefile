# Everything a person or a machine does with this repository. Each target prints
# what it runs. CI=true makes tests fail instead of skip when a tool is missing.

GO ?= go
ARGS ?=
TESTFLAGS ?=
FUZZTIME ?= 20s
STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2

.PHONY: demo build test race lint shake fuzz bench clean

demo: ## the bot in a world of its own; no accounts needed
	$(GO) run ./cmd/securitybot-demo $(ARGS)

build: ## static programs in bin/
	CGO_ENABLED=0 $(GO) build -trimpath -o bin/ ./cmd/...

test: ## everything; installs what tests need where it can
	.ci/tools
	$(GO) test -timeout 12m $(TESTFLAGS) ./...

race: ## the same under the race detector; slow
	.ci/tools
	$(GO) test -race -timeout 30m $(TESTFLAGS) ./...

lint: ## form, suspicious code, layout, generated files
	.ci/lint "$(GO)" "$(STATICCHECK)"

shake: ## the same while the doubles and the store answer late at random; finds tests that depend on luck
	.ci/tools
	SECURITYBOT_SHAKE=30ms $(GO) test -count 3 -cpu 1,4 -timeout 60m $(TESTFLAGS) ./...

fuzz: ## each fuzz target for FUZZTIME
	.ci/fuzz "$(GO)" "$(FUZZTIME)"

bench: ## ratios to a minimal program, measured in one run; needs redis-server
	$(GO) test -run '^$$' -bench . -benchmem ./...
	$(GO) run ./internal/bench $(ARGS)

clean:
	rm -rf bin
