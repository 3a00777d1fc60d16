#!/usr/bin/env bash
# The tests, all of them: the one command of the README.
set -euo pipefail
cd "$(dirname "$0")/.."
if cargo nextest --version >/dev/null 2>&1; then
    cargo nextest run --features parquet --no-fail-fast
else
    cargo test --features parquet
fi
# Examples in the documentation are tests as well, and nextest does not run them.
cargo test --features parquet --quiet --doc

# Two tests need a real browser and a real Prometheus, from Debian's packages.
need() { # command package
    command -v "$1" >/dev/null && return
    sudo=$([ "$(id -u)" -eq 0 ] || echo sudo)
    $sudo apt-get update -qq || true
    DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends "$2" >/dev/null
}
need chromium chromium
need promtool prometheus
plimsoll=${CARGO_TARGET_DIR:-target}/debug/plimsoll
bash tests/browser/run "$plimsoll" scenarios/web-service.toml scenarios/chat-replay.toml scenarios/flash-crowd.toml
bash tests/prometheus/run "$plimsoll" scenarios/web-service.toml
