"""The gateway of the former Flask system works with our functions.

That gateway calls two paths of one host, AUTH_SVC_ADDRESS, with `requests`, passes on the status
and text of errors, and reads `admin` from the answer of /validate. The Flask service made its
tokens with PyJWT.
"""

import datetime
import json
import os
import unittest

import jwt
import requests

ADDRESS = os.environ["AUTH_SVC_ADDRESS"]
SECRET = os.environ["JWT_SECRET"]
USER = ("demo@example.com", "correct horse battery staple")


def login(auth):
    """The gateway's login: the token, or the text and status that it passes on."""
    response = requests.post(f"http://{ADDRESS}/login", auth=auth, timeout=10)
    if response.status_code == 200:
        return response.text, None
    return None, (response.text, response.status_code)


def validate(authorization):
    """The gateway's check: the claims as a text, or the text and status that it passes on."""
    headers = {} if authorization is None else {"Authorization": authorization}
    response = requests.post(f"http://{ADDRESS}/validate", headers=headers, timeout=10)
    if response.status_code == 200:
        return response.text, None
    return None, (response.text, response.status_code)


def flask_token(secret=SECRET, lifetime=datetime.timedelta(days=1), admin=True):
    """A token like those of the Flask service."""
    now = datetime.datetime.now(tz=datetime.timezone.utc)
    claims = {"username": USER[0], "exp": now + lifetime, "iat": now, "admin": admin}
    return jwt.encode(claims, secret, algorithm="HS256")


class FlaskGatewayTest(unittest.TestCase):
    def test_a_user_can_log_in_and_the_token_is_valid(self):
        token, error = login(USER)
        self.assertIsNone(error)
        access, error = validate(f"Bearer {token}")
        self.assertIsNone(error)
        claims = json.loads(access)
        self.assertEqual(claims["username"], USER[0])
        self.assertIs(claims["admin"], False)

    def test_refusals_have_the_status_and_text_of_the_flask_service(self):
        self.assertEqual(login(None), (None, ("missing credentials", 401)))
        self.assertEqual(login((USER[0], "wrong")), (None, ("invalid credentials", 401)))
        self.assertEqual(login(("nobody", "x")), (None, ("invalid credentials", 401)))
        self.assertEqual(validate(None), (None, ("missing credentials", 401)))
        self.assertEqual(validate("Bearer garbage"), (None, ("not authorized", 403)))

    def test_pyjwt_accepts_our_tokens(self):
        token, _ = login(USER)
        claims = jwt.decode(token, SECRET, algorithms=["HS256"])
        self.assertEqual(claims["username"], USER[0])
        self.assertEqual(claims["exp"] - claims["iat"], 86400)
        self.assertEqual(jwt.get_unverified_header(token), {"typ": "JWT", "alg": "HS256"})

    def test_tokens_of_the_flask_service_are_accepted(self):
        access, error = validate(f"Bearer {flask_token()}")
        self.assertIsNone(error)
        self.assertIs(json.loads(access)["admin"], True)

    def test_invalid_tokens_of_pyjwt_are_refused(self):
        refused = (None, ("not authorized", 403))
        hour = datetime.timedelta(hours=1)
        self.assertEqual(validate(f"Bearer {flask_token(lifetime=-hour)}"), refused)
        self.assertEqual(validate(f"Bearer {flask_token(secret=SECRET[::-1])}"), refused)
        unsigned = jwt.encode({"username": USER[0], "admin": True}, None, algorithm="none")
        self.assertEqual(validate(f"Bearer {unsigned}"), refused)


if __name__ == "__main__":
    unittest.main(verbosity=2)
