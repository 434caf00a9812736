#!/bin/sh
# The rustdoc of the toolchain, with the output that is not stable: see api.rs.
RUSTC_BOOTSTRAP=1 exec rustdoc "$@"
