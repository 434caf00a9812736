# What a contributor runs; CI runs `make test` and `make check`. `make` alone lists the targets.

CARGO ?= cargo
INSTALL = sh checks/install.sh

.PHONY: help test servers check fmt clippy doc structure api api-check spelling unused features examples tutorial package fuzz deny bench drill \
	judges proxies operators browser metrics-check dashboard-picture cache-tests

help: ## Lists the targets.
	@sed -n 's/^\([a-z-]*\):.*## /make \1\t/p' Makefile | expand -t 20

# A failure does not keep the other test binaries from running.
test: servers ## Runs every test of every crate, with all features and with none, the backends on real servers.
	$(CARGO) test --locked --workspace --all-features --no-fail-fast
	$(CARGO) build --locked -p giotto --no-default-features --example testbed
	$(CARGO) test --locked -p giotto -p giotto-cache --no-default-features --lib --tests --no-fail-fast

servers: ## Installs the servers and shells that the tests start, if they are missing.
	$(INSTALL) redis-server redis-tools memcached postgresql pgbouncer mariadb-server mariadb-client openssl faketime zsh fish mandoc

check: fmt spelling structure clippy doc api-check features examples tutorial pages unused deny package fuzz ## Checks everything else that CI asks for; installs the tools for it.

fmt: ## Formatting is that of rustfmt.
	$(CARGO) fmt --all --check

spelling: ## No common misspelling in code or text; checks/words.txt lists words that are none.
	$(INSTALL) codespell git
	git ls-files -z -- ':!*.gz' ':!*.csv' ':!*.lock' | xargs -0 codespell --ignore-words checks/words.txt

structure: ## No circles, no upward imports (checks/order.txt), no long files (checks/large.txt), no broken link and no lost page.
	$(CARGO) run --quiet --locked -p checks

clippy: ## No warnings of the compiler and clippy, in any target.
	$(CARGO) clippy --locked --workspace --all-targets --all-features -- -D warnings

doc: ## The documentation has no warnings, private items included.
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --workspace --all-features --no-deps --document-private-items

api: ## Writes the listings of the public API, public-api.txt of each crate that has one.
	$(CARGO) run --quiet --locked -p checks -- api --write

api-check: ## The public API is the one that is listed, so that a change of it is a change of the listing.
	$(CARGO) run --quiet --locked -p checks -- api

features: ## Each feature compiles alone, and the default features have no database and no client.
	$(CARGO) check --locked -p giotto-cache --no-default-features --features conformance
	$(CARGO) check --locked -p giotto-cache --no-default-features --features testing
	$(CARGO) check --locked -p giotto-cache --no-default-features --features zstd
	$(CARGO) check --locked -p giotto-cache --no-default-features --features functions
	$(CARGO) check --locked -p giotto-cache --no-default-features --features macros
	for features in "" axum; do $(CARGO) clippy --locked -p giotto-tower --no-default-features --features "$$features" -- -D warnings || exit 1; done
	test $$($(CARGO) tree --locked -p giotto-tower --edges normal --prefix none | sort -u | wc -l) -le 60
	for feature in admin axum compression functions session socket-activation template purge static testing redis memcache sqlite postgres mysql; do \
	  $(CARGO) clippy --locked -p giotto --no-default-features --features $$feature -- -D warnings || exit 1; done
	! $(CARGO) tree --locked -p giotto --edges normal | grep -E ' (aes-gcm|argon2|axum|brotli|coarsetime|cookie|listenfd|prometheus-client|rmp-serde|tower-http|zstd|flate2|redis|memcache|sqlx[a-z-]*|rusqlite|libsqlite3-sys|rustls|openssl|native-tls) '

examples: ## Every example compiles alone and answers.
	$(INSTALL) curl
	sh examples/run.sh

tutorial: ## docs/tutorial.md, followed from an empty folder, makes examples/library byte for byte.
	$(INSTALL) curl
	$(CARGO) run --quiet --locked -p checks -- tutorial

unused: ## No dependency that nothing uses.
	$(INSTALL) cargo-machete
	$(CARGO) machete

deny: ## Licences and sources of the dependencies are those of deny.toml.
	$(INSTALL) cargo-deny
	$(CARGO) deny --locked check licenses bans sources

# In a new folder each time: Cargo keeps what it unpacks by the path of the folder, and would verify older sources of the
# same version.
package: ## Each crate compiles from what would be published, in the order of their dependencies.
	target=$$(mktemp -d) && trap 'rm -rf "$$target"' EXIT && \
	  CARGO_TARGET_DIR=$$target $(CARGO) publish --locked --workspace --dry-run --allow-dirty

fuzz: ## The fuzz targets compile; running them takes nightly and cargo-fuzz (see CONTRIBUTING.md).
	$(INSTALL) g++
	$(CARGO) check --locked --manifest-path fuzz/Cargo.toml

bench: servers ## Compares with rivals side by side, as ratios; takes some minutes.
	$(CARGO) bench --locked -p giotto-cache --all-features
	$(CARGO) bench --locked -p giotto --all-features

drill: servers ## Fails every store in every way under load, plays the incidents of docs/operations.md, and compares the metrics; takes minutes on an idle machine.
	$(INSTALL) prometheus
	$(CARGO) run --locked --release -p drills

# The judges are Python packages; they and the clients of `judges/` are in a virtual environment of their own.
PYTHON = target/judges/bin/python
$(PYTHON): judges/requirements.txt
	$(INSTALL) python3 python3-venv
	python3 -m venv target/judges
	$(PYTHON) -m pip install --quiet --requirement judges/requirements.txt
	touch $(PYTHON)

judges: $(PYTHON) ## Every response, judged by httplint, REDbot and a parser of structured fields.
	$(CARGO) build --locked -p judges -p squared -p prices -p flights
	$(PYTHON) judges/lint.py

proxies: $(PYTHON) ## nginx, Varnish, Traffic Server and Caddy in front, with the configurations of docs/http/.
	$(INSTALL) nginx varnish varnish-modules trafficserver caddy
	$(CARGO) build --locked -p judges
	$(PYTHON) judges/proxies.py

metrics-check: $(PYTHON) ## Alert rules and dashboard, by promtool, a real Prometheus and the types of Grafana.
	$(INSTALL) prometheus
	$(CARGO) build --locked -p judges
	$(PYTHON) judges/metrics.py

dashboard-picture: $(PYTHON) ## Draws docs/dashboard.png: the dashboard, with the figures of a real Prometheus; takes five minutes.
	$(INSTALL) prometheus redis-server
	$(CARGO) build --locked -p judges
	$(PYTHON) judges/dashboard.py

operators: $(PYTHON) ## The metrics, read by promtool and by Prometheus' parser, and nginx in front of a rolling restart.
	$(INSTALL) nginx prometheus
	$(CARGO) build --locked -p judges
	$(PYTHON) judges/operators.py

browser: $(PYTHON) ## What a reader sees in headless Chromium: after a change, after another reader, and how default pages look.
	$(INSTALL) chromium redis-server
	$(CARGO) build --locked -p judges -p library
	$(PYTHON) judges/browser.py

# The newest that run on the Node of Debian 12; what they need in turn is of that day, too.
LIGHTHOUSE = target/lighthouse/node_modules
$(LIGHTHOUSE): judges/package.json
	$(INSTALL) nodejs npm
	mkdir -p target/lighthouse && cp judges/package.json target/lighthouse
	npm install --prefix target/lighthouse --ignore-scripts --no-audit --no-fund --silent --before=2026-11-01
	touch $@

.PHONY: deployment
deployment: $(PYTHON) ## The library behind nginx and Caddy with TLS, on sockets and from systemd, with the files of docs/deployment/.
	$(INSTALL) nginx caddy openssl systemd
	$(CARGO) build --locked -p library
	$(PYTHON) judges/deployment.py

.PHONY: pages
pages: $(PYTHON) $(LIGHTHOUSE) ## Every page of the example library in headless Chromium: both schemes, four widths, keyboard, axe, Lighthouse.
	$(INSTALL) chromium
	$(CARGO) build --locked -p library
	$(PYTHON) judges/pages.py

# With `SUITE=FOLDER`, a checkout of the suite's repository in place of what is published.
PUBLISHED = target/cache-tests/node_modules/http-cache-tests
SUITE ?= $(PUBLISHED)
$(PUBLISHED):
	$(INSTALL) nodejs npm
	npm install --prefix target/cache-tests --ignore-scripts --no-audit --no-fund --silent http-cache-tests@0.4.5

cache-tests: $(SUITE) ## http-cache-tests, the suite of cache-tests.fyi, against the example `proxy`.
	$(INSTALL) python3
	$(CARGO) build --locked -p proxy
	python3 judges/cache_tests.py --suite $(SUITE)
