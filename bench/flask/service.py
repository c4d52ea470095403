"""The job of both functions as a Flask service does it, to measure them against.

One process for both paths, a database connection for each login, PyJWT, and passwords as
PASSWORDS says: `plain` compares texts, `argon2` verifies Argon2id hashes. It checks no more
than such a service does.
"""

import datetime
import os

import jwt
import MySQLdb
from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from flask import Flask, Response, request

server = Flask(__name__)
hasher = PasswordHasher()


def password_matches(given, stored):
    if os.environ["PASSWORDS"] == "plain":
        return given == stored
    try:
        return hasher.verify(stored, given)
    except VerificationError:
        return False


def find_user(email):
    connection = MySQLdb.connect(
        host=os.environ["MYSQL_HOST"],
        port=int(os.environ["MYSQL_PORT"]),
        user=os.environ["MYSQL_USER"],
        password=os.environ["MYSQL_PASSWORD"],
        database=os.environ["MYSQL_DB"],
    )
    try:
        cursor = connection.cursor()
        cursor.execute("SELECT email, password FROM user WHERE email = %s", (email,))
        return cursor.fetchone()
    finally:
        connection.close()


@server.post("/login")
def login():
    auth = request.authorization
    if not auth or auth.type != "basic":
        return "missing credentials", 401
    user = find_user(auth.username)
    if user is None or not password_matches(auth.password, user[1]):
        return "invalid credentials", 401
    now = datetime.datetime.now(tz=datetime.timezone.utc)
    claims = {
        "username": user[0],
        "exp": now + datetime.timedelta(days=1),
        "iat": now,
        "admin": False,
    }
    return jwt.encode(claims, os.environ["JWT_SECRET"], algorithm="HS256")


@server.route("/validate", methods=["GET", "POST"])
def validate():
    authorization = request.headers.get("Authorization")
    if not authorization:
        return "missing credentials", 401
    token = authorization.split(" ")[1]
    try:
        claims = jwt.decode(token, os.environ["JWT_SECRET"], algorithms=["HS256"])
    except jwt.PyJWTError:
        return "not authorized", 403
    return Response(server.json.dumps(claims), mimetype="application/json")
