# What a contributor runs. `make test` installs the servers that it needs; `make check` is what CI runs besides.

CARGO ?= cargo

.PHONY: test servers check fmt clippy doc features examples fuzz deny bench drill

# Every test of every crate, with all features and with none. The backends are tested on real servers. A failure does not
# keep the other test binaries from running.
test: servers
	$(CARGO) test --locked --workspace --all-features --no-fail-fast
	$(CARGO) build --locked -p giotto --no-default-features --example testbed
	$(CARGO) test --locked -p giotto -p giotto-cache --no-default-features --lib --tests --no-fail-fast

# Installs the servers that the tests start, if they are missing.
servers:
	sh servers.sh

check: fmt clippy doc features examples fuzz deny

fmt:
	$(CARGO) fmt --all --check

clippy:
	$(CARGO) clippy --locked --workspace --all-targets --all-features -- -D warnings

doc:
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --workspace --all-features --no-deps --document-private-items

# Each feature alone compiles without a warning, and the default features have no database and no client in them.
features:
	$(CARGO) check --locked -p giotto-cache --no-default-features --features conformance
	$(CARGO) check --locked -p giotto-cache --no-default-features --features testing
	for feature in template testing redis memcache sqlite postgres mysql; do \
	  $(CARGO) clippy --locked -p giotto --no-default-features --features $$feature -- -D warnings || exit 1; done
	! $(CARGO) tree --locked -p giotto --edges normal | grep -E ' (redis|memcache|sqlx[a-z-]*|rusqlite|libsqlite3-sys|rustls|openssl|native-tls) '

# Every example answers.
examples:
	sh examples.sh

# Fuzz targets compile on stable; running them takes nightly and cargo-fuzz (see CONTRIBUTING.md).
fuzz:
	@if command -v c++ >/dev/null; then $(CARGO) check --locked --manifest-path fuzz/Cargo.toml; \
	else echo "left out: the fuzz targets need a C++ compiler (apt-get install g++)"; fi

deny:
	@if $(CARGO) deny --version >/dev/null 2>&1; then $(CARGO) deny check licenses bans sources; \
	else echo "left out: licences and sources need cargo-deny (cargo install cargo-deny)"; fi

# Side by side with their rivals, as ratios; takes some minutes.
bench: servers
	$(CARGO) bench --locked -p giotto-cache --all-features
	$(CARGO) bench --locked -p giotto --all-features

# Every store fails in every way while a server is under load; takes some minutes, on a machine that does nothing else.
drill: servers
	$(CARGO) run --locked --release -p drills
