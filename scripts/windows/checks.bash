# What the checks of baton.exe under Wine have in common, for bash scripts that name the program in `baton`: a directory
# of their own, what was passed, what failed. Needs `set -euo pipefail`.
work="$(mktemp -d)"
up=
finish() {
  status=$?
  [ -z "$up" ] || kill -KILL "$up" 2>/dev/null || true
  if declare -F clean_up >/dev/null; then clean_up || true; fi
  if [ "$status" -ne 0 ]; then
    echo "the checks failed; what was said:" >&2
    cat "$work"/*.log >&2 || true
  fi
  rm -rf "$work"
}
trap finish EXIT
cd "$work"

done_so_far=0
passed() { done_so_far=$((done_so_far + 1)); echo "ok $done_so_far - $1"; }
fail() { echo "not ok - $1" >&2; exit 1; }
# Wine's programs end lines as Windows does.
run() { wine "$baton" "$@" | tr -d '\r'; }
until_so() { # SECONDS COMMAND…
  local ends=$((SECONDS + $1))
  shift
  until "$@"; do
    [ "$SECONDS" -lt "$ends" ] || return 1
    sleep 0.2
  done
}
thumbprint() { openssl x509 -in "$1" -noout -fingerprint -sha1 | sed 's/.*=//; s/://g'; }
# Free now, and nobody but these checks looks for one here.
free_port() {
  python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}
# What a TLS server shows: ADDRESS NAME
served_at() {
  openssl s_client -connect "$1" -servername "$2" </dev/null 2>/dev/null |
    openssl x509 -noout -fingerprint -sha1 2>/dev/null | sed 's/.*=//; s/://g'
}
