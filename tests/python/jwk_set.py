"""What others do with our tokens and keys, by PyJWT: find the JWK Set from the issuer's
name alone, verify our tokens with it, and make tokens that we verify.
"""

import base64
import datetime
import os
import unittest

import jwt
import requests

ISSUER = os.environ["ISSUER"]
LOGIN = os.environ["LOGIN"]
ALGORITHM = os.environ["ALGORITHM"]
KEY = os.environ["KEY"]
USER = ("ada@example.com", "a long enough passphrase")
AUDIENCE = "https://api.example.com"


def our_token():
    response = requests.post(LOGIN, auth=USER, timeout=10)
    response.raise_for_status()
    return response.text


def published_keys():
    """The address of the JWK Set, from what the issuer publishes about itself."""
    response = requests.get(f"{ISSUER}/.well-known/openid-configuration", timeout=10)
    response.raise_for_status()
    metadata = response.json()
    assert metadata["issuer"] == ISSUER, metadata
    return metadata


def public_key(token):
    if ALGORITHM == "HS256":
        return KEY
    return jwt.PyJWKClient(published_keys()["jwks_uri"]).get_signing_key_from_jwt(token).key


def decode(token):
    return jwt.decode(
        token, public_key(token), algorithms=[ALGORITHM], issuer=ISSUER, audience=AUDIENCE
    )


def their_token(kid, **changes):
    now = datetime.datetime.now(tz=datetime.timezone.utc)
    claims = {
        "username": USER[0],
        "admin": False,
        "iat": now,
        "exp": now + datetime.timedelta(hours=1),
        "iss": ISSUER,
        "aud": AUDIENCE,
        **changes,
    }
    headers = {"kid": kid} if kid else {}
    return jwt.encode(claims, KEY, algorithm=ALGORITHM, headers=headers)


def validate(token):
    headers = {"Authorization": f"Bearer {token}"}
    return requests.get(f"{ISSUER}/validate", headers=headers, timeout=10).status_code


class TheJwkSet(unittest.TestCase):
    def test_our_tokens_verify_with_what_is_published(self):
        token = our_token()
        claims = decode(token)
        self.assertEqual((claims["username"], claims["admin"]), (USER[0], False))
        self.assertEqual(jwt.get_unverified_header(token)["alg"], ALGORITHM)

    def test_their_tokens_verify_with_and_without_the_name_of_the_key(self):
        kid = jwt.get_unverified_header(our_token()).get("kid")
        for name in {kid, None}:
            self.assertEqual(validate(their_token(name)), 200)
        self.assertEqual(validate(their_token("another")), 403)
        self.assertEqual(validate(their_token(kid, aud="another")), 403)

    def test_what_is_published_is_public(self):
        metadata = published_keys()
        response = requests.get(metadata["jwks_uri"], timeout=10)
        self.assertEqual(response.headers["cache-control"], "public, max-age=600")
        self.assertEqual(response.headers["content-type"], "application/json")
        keys = response.json()["keys"]
        algorithms = [] if ALGORITHM == "HS256" else [ALGORITHM]
        self.assertEqual([key["alg"] for key in keys], algorithms)
        self.assertEqual(metadata["id_token_signing_alg_values_supported"], algorithms)
        for key in keys:
            self.assertFalse({"d", "p", "q", "dp", "dq", "qi", "k"} & set(key), key)
            self.assertEqual(key["use"], "sig")
            self.assertEqual(len(base64.urlsafe_b64decode(key["kid"] + "=")), 32)


if __name__ == "__main__":
    unittest.main()
