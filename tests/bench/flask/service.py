"""Both functions as a typical Flask service: PyJWT, a database connection for each login, and
Argon2id hashes. It checks no more than such a service.
"""

import os
import time

import jwt
import pymysql
from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from flask import Flask, request

server = Flask(__name__)
hasher = PasswordHasher()


def stored_hash(email):
    connection = pymysql.connect(
        host=os.environ["MYSQL_HOST"],
        port=int(os.environ["MYSQL_PORT"]),
        user=os.environ["MYSQL_USER"],
        password=os.environ["MYSQL_PASSWORD"],
        database=os.environ["MYSQL_DB"],
    )
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT password FROM user WHERE email = %s", (email,))
        row = cursor.fetchone()
        return row and row[0]


@server.post("/login")
def login():
    credentials = request.authorization
    if not credentials or credentials.type != "basic":
        return "missing credentials", 401
    try:
        hasher.verify(stored_hash(credentials.username) or "", credentials.password)
    except VerificationError:
        return "invalid credentials", 401
    now = int(time.time())
    claims = {"username": credentials.username, "admin": False, "iat": now, "exp": now + 86400}
    return jwt.encode(claims, os.environ["JWT_SECRET"], algorithm="HS256")


@server.get("/validate")
def validate():
    token = request.authorization and request.authorization.token
    if not token:
        return "missing credentials", 401
    try:
        return jwt.decode(token, os.environ["JWT_SECRET"], algorithms=["HS256"])
    except jwt.PyJWTError:
        return "not authorized", 403
