#!/usr/bin/env bash
# The pages in a real browser (Chromium, headless).
#
#   STAGE=target/debug/examples/stage deploy/browser/run.sh     on a stage of our own: every frame is ours
#   STADION_BASE=http://127.0.0.1:8080 STADION_CHALLENGE=<id> deploy/browser/run.sh
#                                                               against a running installation, `stadion demo` say
#
# NODE (20 or newer) and CHROMIUM name the programs, BROWSER_TOOLS the folder that npm installs into.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
root="$(cd "$here/../.." && pwd)"
target="${CARGO_TARGET_DIR:-$root/target}"

export NODE="${NODE:-node}"
export CHROMIUM="${CHROMIUM:-$(command -v chromium || command -v chromium-browser || command -v google-chrome)}"
export BROWSER_TOOLS="${BROWSER_TOOLS:-$target/browser}"
export STAGE="${STAGE:-$target/debug/examples/stage}"
# npm is started by the node that is to run.
PATH="$(dirname "$(command -v "$NODE")"):$PATH"

mkdir -p "$BROWSER_TOOLS"
if ! cmp -s "$here/package-lock.json" "$BROWSER_TOOLS/installed.json"; then
    cp "$here/package.json" "$here/package-lock.json" "$here/.npmrc" "$BROWSER_TOOLS/"
    (cd "$BROWSER_TOOLS" && npm ci --no-audit --no-fund --ignore-scripts --loglevel=error)
    cp "$here/package-lock.json" "$BROWSER_TOOLS/installed.json"
fi

if [ -n "${STADION_BASE:-}" ]; then
    exec "$NODE" --test-reporter=spec "$here/installation.mjs"
fi
exec "$NODE" --test-reporter=spec "$here/staged.mjs"
