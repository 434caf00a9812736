#!/bin/sh
# rustdoc with its unstable output enabled: see src/api.rs.
RUSTC_BOOTSTRAP=1 exec rustdoc "$@"
