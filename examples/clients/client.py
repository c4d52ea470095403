#!/usr/bin/env python3
"""Logs in and validates with requests, and prints the token's claims:

    export AUTH_URL=http://127.0.0.1:8080 AUTH_EMAIL=demo@example.com
    ./client.py [TIMES [PAUSE]] < password

It shows: credentials in UTF-8, time-outs, renewal before expiry, one new login if a token is
refused, and bounded waiting on 429 and 503. README.md lists the variables.
"""

from __future__ import annotations

import json
import os
import random
import sys
import time
from typing import Any

import requests
from requests.auth import AuthBase, HTTPBasicAuth

TRIES = 5  # the maximum of requests for one call


class AuthError(Exception):
    """An error message in one line without secrets."""


class BearerAuth(AuthBase):
    """A token. requests would replace a plain header by an entry of ~/.netrc."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class AuthClient:
    """Logs a user in, and renews the token in time. For one thread: a session is not shared."""

    def __init__(
        self,
        login_url: str,
        validate_url: str,
        email: str,
        password: str,
        *,
        token: str | None = None,
        timeout: float = 10,
        max_wait: float = 30,
    ) -> None:
        self._login_url = login_url
        self._validate_url = validate_url
        # As bytes: requests would send a str as ISO-8859-1, and the service reads UTF-8.
        self._credentials = HTTPBasicAuth(email.encode(), password.encode())
        self._token = token
        self._renew_at = float("inf")
        # For the connection, and for each pause in a response; requests has no limit for the whole.
        self._timeout = (min(timeout, 3), timeout)
        self._max_wait = max_wait
        self._session = requests.Session()
        self._session.headers["Accept"] = "application/json"

    def claims(self) -> dict[str, Any]:
        """The claims of a valid token; logs in if necessary."""
        if self._token is None or time.monotonic() >= self._renew_at:
            self._login()
        response = self._validate()
        if is_invalid_token(response):
            # The token has expired or its key was removed: log in again, but only once.
            self._login()
            response = self._validate()
        if response.status_code != 200:
            raise AuthError(f"validate: {refusal(response)}")
        try:
            claims: dict[str, Any] = response.json()
        except ValueError:
            raise AuthError("validate: the answer is not JSON") from None
        return claims

    def _login(self) -> None:
        """Gets a new token. A wrong password is not retried: five failures lock the account."""
        response = self._send("login", "POST", self._login_url, self._credentials)
        if response.status_code != 200:
            raise AuthError(f"login: {refusal(response)}")
        try:
            answer = response.json()
            self._token, lifetime = str(answer["access_token"]), float(answer["expires_in"])
        except (ValueError, KeyError, TypeError):
            raise AuthError("login: the answer holds no token") from None
        # After nine tenths of its lifetime, by a monotonic clock.
        self._renew_at = time.monotonic() + lifetime * 0.9

    def _validate(self) -> requests.Response:
        assert self._token is not None
        return self._send("validate", "GET", self._validate_url, BearerAuth(self._token))

    def _send(self, name: str, method: str, url: str, auth: AuthBase) -> requests.Response:
        """Sends a request, with retries on 429 and 503.

        urllib3's Retry has no limit for Retry-After, and no jitter for it.
        """
        waited = 0.0
        for attempt in range(1, TRIES + 1):
            try:
                response = self._session.request(
                    method, url, auth=auth, timeout=self._timeout, allow_redirects=False
                )
            except requests.Timeout:
                raise AuthError(f"{name}: no answer within {self._timeout[1]:g} s") from None
            except requests.RequestException as error:
                raise AuthError(f"{name}: no answer ({type(error).__name__})") from None
            if response.status_code not in (429, 503):
                return response
            seconds = retry_after(response)
            # Jitter of up to half the time, so that clients do not retry at the same time.
            wait = seconds * random.uniform(1, 1.5)
            if attempt == TRIES:
                break
            if waited + wait > self._max_wait:
                raise AuthError(f"{name}: {response.status_code}, asked to wait {seconds} s")
            time.sleep(wait)
            waited += wait
        raise AuthError(f"{name}: {response.status_code} after {TRIES} tries")


def retry_after(response: requests.Response) -> int:
    """Seconds to wait; 1 if a proxy sends a date or no value."""
    value = response.headers.get("Retry-After", "")
    return int(value[:9]) if value.isascii() and value.isdigit() else 1


def is_invalid_token(response: requests.Response) -> bool:
    challenge = response.headers.get("WWW-Authenticate", "")
    return response.status_code == 403 and 'error="invalid_token"' in challenge


def refusal(response: requests.Response) -> str:
    """The status and the service's explanation (RFC 9457)."""
    try:
        problem = response.json()
        return f"{response.status_code} {problem.get('detail') or problem['title']}"
    except (ValueError, KeyError, AttributeError):
        return str(response.status_code)


def client_from_environment() -> AuthClient:
    environment = os.environ
    base = environment.get("AUTH_URL")
    login_url = environment.get("LOGIN_URL") or (base and f"{base}/login")
    validate_url = environment.get("VALIDATE_URL") or (base and f"{base}/validate")
    if not login_url or not validate_url:
        raise AuthError("AUTH_URL is missing")
    email = environment.get("AUTH_EMAIL")
    if not email:
        raise AuthError("AUTH_EMAIL is missing")
    password = environment.get("AUTH_PASSWORD") or sys.stdin.readline().rstrip("\n")
    if not password:
        raise AuthError("no password in AUTH_PASSWORD or on standard input")
    return AuthClient(
        login_url,
        validate_url,
        email,
        password,
        # A token of an earlier run is used until it is refused.
        token=environment.get("AUTH_TOKEN") or None,
        timeout=float(environment.get("AUTH_TIMEOUT") or 10),
        max_wait=float(environment.get("AUTH_MAX_WAIT") or 30),
    )


def main(times: str = "1", pause: str = "0") -> None:
    client = client_from_environment()
    for number in range(int(times)):
        time.sleep(float(pause) if number else 0)
        print(json.dumps(client.claims(), ensure_ascii=False), flush=True)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:3])
    except AuthError as error:
        sys.exit(f"auth: {error}")
