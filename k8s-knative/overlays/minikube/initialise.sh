#!/bin/bash
# The MySQL image runs this once, on an empty volume: init.sql with the password of auth_user. The
# password is in hex, since it may be hard to quote.
set -euo pipefail
{
  printf 'SET @auth_password = 0x%s;\n' "$(printf %s "$AUTH_PASSWORD" | od -An -v -tx1 | tr -d ' \n')"
  cat "${INIT_SQL:-/init-sql/init.sql}"
} | MYSQL_PWD=$MYSQL_ROOT_PASSWORD mysql --user=root
