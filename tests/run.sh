#!/usr/bin/env bash
# The tests, all of them: the one command of the README.
set -euo pipefail
cd "$(dirname "$0")/.."
if cargo nextest --version >/dev/null 2>&1; then
    cargo nextest run --no-fail-fast
else
    cargo test
fi
# Examples in the documentation are tests as well, and nextest does not run them.
cargo test --quiet --doc
