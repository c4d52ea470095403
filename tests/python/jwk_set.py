"""PyJWT finds our JWK Set from the issuer's URL, verifies our tokens with it, and makes tokens that
we verify.
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


def issuer_metadata():
    """The issuer's metadata, which has the URL of the JWK Set."""
    response = requests.get(f"{ISSUER}/.well-known/openid-configuration", timeout=10)
    response.raise_for_status()
    metadata = response.json()
    assert metadata["issuer"] == ISSUER, metadata
    return metadata


def public_key(token):
    if ALGORITHM == "HS256":
        return KEY
    return jwt.PyJWKClient(issuer_metadata()["jwks_uri"]).get_signing_key_from_jwt(token).key


def decode(token):
    return jwt.decode(
        token, public_key(token), algorithms=[ALGORITHM], issuer=ISSUER, audience=AUDIENCE
    )


def pyjwt_token(kid, **changes):
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


class JwkSetTest(unittest.TestCase):
    def test_our_tokens_verify_with_the_published_keys(self):
        token = our_token()
        claims = decode(token)
        self.assertEqual((claims["username"], claims["admin"]), (USER[0], False))
        self.assertEqual(jwt.get_unverified_header(token)["alg"], ALGORITHM)

    def test_tokens_of_pyjwt_verify_with_and_without_a_kid(self):
        kid = jwt.get_unverified_header(our_token()).get("kid")
        for name in {kid, None}:
            self.assertEqual(validate(pyjwt_token(name)), 200)
        self.assertEqual(validate(pyjwt_token("another")), 403)
        self.assertEqual(validate(pyjwt_token(kid, aud="another")), 403)

    def test_only_public_keys_are_published(self):
        metadata = issuer_metadata()
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
