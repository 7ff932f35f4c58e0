#!/usr/bin/env bash
# Schemathesis against the served OpenAPI: exits non-zero on any 5xx and on any answer outside the schema.
#
#   run.sh                     starts `stadion up` on a folder of its own (STADION_BIN, default target/debug/stadion)
#   run.sh BASE_URL TOKEN      against a server that runs, whose limits are off, as whoever the token belongs to
#
# SCHEMATHESIS       the tool (default: on PATH); its Python also signs in
# SCHEMATHESIS_ARGS  more arguments, `--max-examples 400 --seed 7`
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
tool=${SCHEMATHESIS:-$(command -v schemathesis || true)}
if [[ -z $tool ]]; then
  echo "schemathesis is not installed: cargo dev test installs it, or pip install schemathesis" >&2
  exit 2
fi
python=$(dirname "$tool")/python
[[ -x $python ]] || python=python3

# The tool leaves notes where it runs: they go with this folder.
work=$(mktemp -d)
server=
finish() {
  status=$?
  if [[ -n $server ]]; then kill "$server" 2>/dev/null && wait "$server" 2>/dev/null || true; fi
  # What the server said is what one needs when something failed.
  if [[ $status -ne 0 && -f $work/server.log ]]; then
    echo "--- the server's last words ($work/server.log)" >&2
    tail -n 40 "$work/server.log" >&2
  else
    rm -rf "$work"
  fi
  exit "$status"
}
trap finish EXIT

if [[ $# -ge 2 ]]; then
  base=$1 token=$2 config=/dev/null
else
  bin=$(realpath "${STADION_BIN:-$root/target/debug/stadion}")
  # A fuzzer knocks faster than anybody may, and longer than a token lives.
  export STADION_LIMITS__SIGN_UPS_PER_HOUR=0 STADION_LIMITS__FAILED_LOGINS_PER_HOUR=0
  export STADION_LIMITS__WRITES_PER_S=0 STADION_LIMITS__READS_PER_S=0 STADION_GATEWAY__LIMITS__OPEN_PER_S=0
  export STADION_AUTH__MAILS_PER_HOUR=0 STADION_AUTH__FAILED_APPROVALS_PER_HOUR=0 STADION_AUTH__ACCESS_TOKEN_S=7200
  "$bin" up --data "$work/data" --http 127.0.0.1:0 --admin 127.0.0.1:0 >"$work/ready" 2>"$work/server.log" &
  server=$!
  for _ in $(seq 300); do
    grep -q '^ready ' "$work/ready" && break
    kill -0 "$server" 2>/dev/null || { echo "the server did not start" >&2; exit 1; }
    sleep 0.1
  done
  base=$(sed -n 's/^ready //p' "$work/ready")
  code=$("$bin" operator add fuzz@stadion.example --data "$work/data")
  friend=$("$bin" operator add friend@stadion.example --data "$work/data")
  config=$work/schemathesis.toml
  token=$("$python" "$root/deploy/schemathesis/prepare.py" "$base" fuzz@stadion.example "$code" \
    friend@stadion.example "$friend" "$config")
fi

export SCHEMATHESIS_HOOKS=hooks PYTHONPATH=$root/deploy/schemathesis
cd "$work"
# `ignored_auth` and friends guess at meanings; these five are facts.
checks=not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance
common=(--url "$base" --header "Authorization: Bearer $token" --checks "$checks" --suppress-health-check all
  --request-timeout 60 --continue-on-failure --warnings off)

# Endless answers are not for it. Signing out ends the very session that it works with: that comes last.
"$tool" --config-file "$config" run "$base/v1/openapi.json" "${common[@]}" --phases examples,coverage,fuzzing \
  --max-examples 40 --exclude-path-regex '^/v1/(boards|challenges|live-sessions)/.*/(live|stream)$' --exclude-operation-id delete_v1_sessions_current \
  ${SCHEMATHESIS_ARGS:-}
"$tool" --config-file "$config" run "$base/v1/openapi.json" "${common[@]}" --phases coverage --include-operation-id delete_v1_sessions_current
