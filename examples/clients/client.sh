#!/usr/bin/env bash
# Logs in and validates with curl (7.83 or later) and jq, and prints the token's claims:
#
#   AUTH_URL=http://127.0.0.1:8080 AUTH_EMAIL=demo@example.com ./client.sh [TIMES [PAUSE]] < password
#
# Shows: no secret in the list of processes, time-outs, renewal ahead of expiry, one new login
# when a token is refused, and bounded waiting on 429 and 503. README.md has the variables.
set -euo pipefail

tries=5 # requests for one answer
timeout=${AUTH_TIMEOUT:-10}
max_wait_ms=$((${AUTH_MAX_WAIT:-30} * 1000))

fail() {
  echo "auth: $*" >&2
  exit 1
}

# A string as curl's configuration has it.
quote() {
  local text=${1//\\/\\\\}
  text=${text//\"/\\\"} text=${text//$'\n'/\\n} text=${text//$'\r'/\\r}
  printf '"%s"' "$text"
}

# request NAME METHOD URL CONFIG: one request; sets body, challenge, retry_after and status.
# CONFIG has the secrets: every user can list a process's arguments, so curl reads it from a
# pipe. --disable leaves out ~/.curlrc, which may say `insecure` or `verbose`.
request() {
  local answer
  answer=$(curl --disable --config <(printf '%s\n' "$4") --silent --proto =http,https \
    --connect-timeout 3 --max-time "$timeout" --request "$2" --header 'Accept: application/json' \
    --write-out '\n%header{www-authenticate}\n%header{retry-after}\n%{errormsg}\n%{http_code}' \
    "$3") || {
    answer=${answer%$'\n'*}
    fail "$1: ${answer##*$'\n'}"
  }
  status=${answer##*$'\n'} answer=${answer%$'\n'*}
  answer=${answer%$'\n'*} # without the error, which is empty
  retry_after=${answer##*$'\n'} answer=${answer%$'\n'*}
  challenge=${answer##*$'\n'} body=${answer%$'\n'*}
}

# send NAME METHOD URL CONFIG: as request, again and again while it is told to come back later.
send() {
  local waited=0 try wait
  for ((try = 1; ; try++)); do
    request "$@"
    [[ $status == 429 || $status == 503 ]] || return 0
    # A date, or nothing: a proxy answered and did not say how long.
    [[ $retry_after =~ ^[0-9]+$ ]] || retry_after=1
    [ "${#retry_after}" -le 6 ] || retry_after=999999
    # Up to half as long again, so that clients who were sent away together come back apart.
    wait=$((10#$retry_after * 1000))
    wait=$((wait + RANDOM * wait / 65536))
    [ "$try" -lt "$tries" ] || fail "$1: $status after $try tries"
    [ $((waited + wait)) -le "$max_wait_ms" ] || fail "$1: $status, asked to wait $retry_after s"
    sleep "$((wait / 1000)).$(printf %03d $((wait % 1000)))"
    waited=$((waited + wait))
  done
}

# A wrong password is never tried again: five failures lock the account.
login() {
  send login POST "$login_url" "user = $(quote "$email:$password")"
  [ "$status" = 200 ] || fail "login: $status $(problem)"
  local lifetime none="login: the answer holds no token"
  token=$(jq -er '.access_token | strings' <<<"$body" 2>/dev/null) || fail "$none"
  lifetime=$(jq -er '.expires_in | numbers | floor' <<<"$body" 2>/dev/null) || fail "$none"
  # When nine tenths of its life are over. SECONDS is how long this script has been running.
  renew_at=$((SECONDS + lifetime * 9 / 10))
}

# Sets body to the claims.
validate() {
  if [ -z "$token" ] || [ "$SECONDS" -ge "$renew_at" ]; then login; fi
  check
  # It has expired, or its key is gone: one new login, and no more.
  if [[ $status == 403 && $challenge == *'error="invalid_token"'* ]]; then
    login
    check
  fi
  [ "$status" = 200 ] || fail "validate: $status $(problem)"
}

check() {
  [[ $token =~ ^[A-Za-z0-9._~+/=-]+$ ]] || fail "validate: the token has characters that none has"
  send validate GET "$validate_url" "header = $(quote "Authorization: Bearer $token")"
}

# What the service says about a refusal, or nothing.
problem() {
  jq -r '.detail // .title // empty | strings' <<<"$body" 2>/dev/null || true
}

login_url=${LOGIN_URL:-${AUTH_URL:+$AUTH_URL/login}}
validate_url=${VALIDATE_URL:-${AUTH_URL:+$AUTH_URL/validate}}
[[ -n $login_url && -n $validate_url ]] || fail "AUTH_URL is missing"
email=${AUTH_EMAIL:-}
[ -n "$email" ] || fail "AUTH_EMAIL is missing"
password=${AUTH_PASSWORD:-}
[ -n "$password" ] || IFS= read -r password || [ -n "$password" ] ||
  fail "no password in AUTH_PASSWORD or on standard input"
# A token of an earlier run, which is used until it is refused.
token=${AUTH_TOKEN:-}
renew_at=999999999

for ((i = 0; i < ${1:-1}; i++)); do
  [ "$i" = 0 ] || sleep "${2:-0}"
  validate
  jq -c . <<<"$body" 2>/dev/null || fail "validate: the answer is not JSON"
done
