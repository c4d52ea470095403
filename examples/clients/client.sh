#!/usr/bin/env bash
# Logs in and validates with curl (7.83 or later) and jq, and prints the token's claims:
#
#   AUTH_URL=http://127.0.0.1:8080 AUTH_EMAIL=demo@example.com ./client.sh [TIMES [PAUSE]] < password
#
# It shows: no secret in the list of processes, time-outs, renewal before expiry, one new login
# if a token is refused, and bounded waiting on 429 and 503. README.md lists the variables.
set -euo pipefail

tries=5 # the maximum of requests for one call
timeout=${AUTH_TIMEOUT:-10}
max_wait_ms=$((${AUTH_MAX_WAIT:-30} * 1000))

fail() {
  echo "auth: $*" >&2
  exit 1
}

# Quotes a string for curl's configuration.
quote() {
  local text=${1//\\/\\\\}
  text=${text//\"/\\\"} text=${text//$'\n'/\\n} text=${text//$'\r'/\\r}
  printf '"%s"' "$text"
}

# request NAME METHOD URL CONFIG: sends one request; sets body, challenge, retry_after and status.
# CONFIG has the secrets. curl reads it from a pipe, since every user can list the arguments of a
# process. --disable ignores ~/.curlrc, which may have `insecure` or `verbose`.
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
  answer=${answer%$'\n'*} # removes the error message, which is empty
  retry_after=${answer##*$'\n'} answer=${answer%$'\n'*}
  challenge=${answer##*$'\n'} body=${answer%$'\n'*}
}

# send NAME METHOD URL CONFIG: like request, with retries on 429 and 503.
send() {
  local waited=0 try wait
  for ((try = 1; ; try++)); do
    request "$@"
    [[ $status == 429 || $status == 503 ]] || return 0
    # A date or no value comes from a proxy: wait 1 s.
    [[ $retry_after =~ ^[0-9]+$ ]] || retry_after=1
    [ "${#retry_after}" -le 6 ] || retry_after=999999
    # Jitter of up to half the time, so that clients do not retry at the same time.
    wait=$((10#$retry_after * 1000))
    wait=$((wait + RANDOM * wait / 65536))
    [ "$try" -lt "$tries" ] || fail "$1: $status after $try tries"
    [ $((waited + wait)) -le "$max_wait_ms" ] || fail "$1: $status, asked to wait $retry_after s"
    sleep "$((wait / 1000)).$(printf %03d $((wait % 1000)))"
    waited=$((waited + wait))
  done
}

# A wrong password is not retried: five failures lock the account.
login() {
  send login POST "$login_url" "user = $(quote "$email:$password")"
  [ "$status" = 200 ] || fail "login: $status $(problem)"
  local lifetime none="login: the answer holds no token"
  token=$(jq -er '.access_token | strings' <<<"$body" 2>/dev/null) || fail "$none"
  lifetime=$(jq -er '.expires_in | numbers | floor' <<<"$body" 2>/dev/null) || fail "$none"
  # After nine tenths of its lifetime. SECONDS is the time since the start of this script.
  renew_at=$((SECONDS + lifetime * 9 / 10))
}

# Sets body to the claims.
validate() {
  if [ -z "$token" ] || [ "$SECONDS" -ge "$renew_at" ]; then login; fi
  check
  # The token has expired or its key was removed: log in again, but only once.
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

# The service's explanation of a refusal, if there is one.
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
# A token of an earlier run is used until it is refused.
token=${AUTH_TOKEN:-}
renew_at=999999999

for ((i = 0; i < ${1:-1}; i++)); do
  [ "$i" = 0 ] || sleep "${2:-0}"
  validate
  jq -c . <<<"$body" 2>/dev/null || fail "validate: the answer is not JSON"
done
