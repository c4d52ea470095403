"""The measured processes: starts them, sends requests and load, and reads their CPU and memory."""

import base64
import contextlib
import json
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
import uuid
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import chain, repeat
from pathlib import Path

import jwt
from argon2 import PasswordHasher
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

REPOSITORY = Path(__file__).resolve().parents[2]
RELEASE = REPOSITORY / "target/lambda"
BASELINES = REPOSITORY / "target/bench/baselines/release"
CORES = len(os.sched_getaffinity(0))

ALGORITHMS = ("HS256", "RS256", "ES256", "EdDSA")
KEY = secrets.token_hex(32)
NOW = int(time.time())
CLAIMS = {"username": "ada@example.com", "admin": False, "iat": NOW, "exp": NOW + 86400}
CLAIMS |= {"sub": "4711", "jti": "67e55044-10b1-426f-9247-bb680e5fe0c8"}
BEARER = "Bearer " + jwt.encode(CLAIMS, KEY)

PASSWORD = "a long enough passphrase"
USERS = [f"user-{number}@example.com" for number in range(8 * CORES)]
BASIC = ["Basic " + base64.b64encode(f"{user}:{PASSWORD}".encode()).decode() for user in USERS]
# The parameters that login uses by default.
ARGON2 = {"time_cost": 2, "memory_cost": 19456, "parallelism": 1, "hash_len": 32}


def key_pair(algorithm):
    """The private and the public key, as text; for HS256 the same secret."""
    if algorithm == "HS256":
        return KEY, KEY
    make = {
        "RS256": lambda: rsa.generate_private_key(65537, 2048),
        "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
        "EdDSA": ed25519.Ed25519PrivateKey.generate,
    }
    private = make[algorithm]()
    pkcs8 = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    spki = (Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    public = private.public_key().public_bytes(*spki)
    return private.private_bytes(*pkcs8).decode(), public.decode()


def sign(algorithm, private, numbers):
    """A token for each number, which makes its `jti`."""
    key = private if algorithm == "HS256" else load_pem_private_key(private.encode(), None)
    claims = (CLAIMS | {"jti": str(uuid.UUID(int=number))} for number in numbers)
    return [jwt.encode(one, key, algorithm) for one in claims]


def signed(algorithm, private, count, first=0):
    """`count` tokens with the numbers from `first` on. Tokens with different numbers differ."""
    chunks = [range(at, min(at + 500, first + count)) for at in range(first, first + count, 500)]
    with ProcessPoolExecutor() as pool:
        return list(chain.from_iterable(pool.map(sign, repeat(algorithm), repeat(private), chunks)))


def garbage(count):
    """Texts with the form and the length of an HS256 token."""
    header = jwt.encode({}, KEY).split(".")[0]
    return [f"{header}.{secrets.token_urlsafe(120)}.{secrets.token_urlsafe(32)}" for _ in range(count)]


@contextlib.contextmanager
def requests(given):
    """A script for wrk that sends these tokens in turn."""
    with tempfile.TemporaryDirectory() as folder:
        tokens, script = Path(folder, "tokens"), Path(folder, "script.lua")
        tokens.write_text("\n".join(given))
        script.write_text(
            "local requests, at = {}, 0\n"
            f'for token in io.lines("{tokens}") do\n'
            '  requests[#requests + 1] = "GET /validate HTTP/1.1\\r\\nHost: bench\\r\\n'
            'Authorization: Bearer " .. token .. "\\r\\n\\r\\n"\nend\n'
            "function request() at = at % #requests + 1 return requests[at] end\n"
        )
        yield script


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def ask(port, path, bearer=BEARER):
    """The first bytes of an answer; empty if nothing listens on the port yet."""
    head = f"GET {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: {bearer}\r\n\r\n"
    with contextlib.suppress(ConnectionError):
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            connection.sendall(head.encode())
            return connection.recv(65536)
    return b""


def wrk(url, connections, seconds, *options, status="2xx"):
    """The number of requests answered in this time. All answers must have this status."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", *options, url]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if ("Non-2xx" in output) == (status == "2xx") or "Socket errors" in output:
        raise SystemExit(f"bench: not every answer was good\n{output}")
    return int(re.search(r"(\d+) requests in", output)[1])


@contextlib.contextmanager
def serving(command, environment, path="/validate", bearer=BEARER):
    """A service that answers 200, until the end of the block. Its output goes to /dev/null, so that
    the time for writing the log is measured, but not the disk.
    """
    port = free_port()
    variables = {"PATH": os.environ["PATH"], "HOST": "127.0.0.1", "PORT": str(port)} | environment
    command = [str(word).replace("PORT", str(port)) for word in command]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    began = time.perf_counter()
    process = subprocess.Popen(command, env=variables, start_new_session=True, **quiet)
    try:
        while not (answer := ask(port, path, bearer)):
            if process.poll() is not None or time.perf_counter() > began + 30:
                raise SystemExit(f"bench: {command[0]} does not serve")
            time.sleep(0.0002)
        taken = time.perf_counter() - began
        if b" 200 " not in answer.splitlines()[0]:
            raise SystemExit(f"bench: {command[0]} answers {answer}")
        yield Service(process.pid, port, answer, taken)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@dataclass
class Service:
    """A process and its workers, which form a process group."""

    pid: int
    port: int
    # The first answer, and the time from the start of the process to it.
    answer: bytes
    start_seconds: float

    def members(self):
        """/proc/PID/stat in fields, and /proc/PID/status, of each process of the group."""
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                fields = (folder / "stat").read_text().rsplit(") ", 1)[1].split()
                if int(fields[2]) == self.pid:
                    yield fields, (folder / "status").read_text()

    def cpu_seconds(self):
        """The CPU time in user and kernel mode so far."""
        ticks = sum(int(fields[11]) + int(fields[12]) for fields, _ in self.members())
        return ticks / os.sysconf("SC_CLK_TCK")

    def mebibytes(self, field):
        """VmRSS, the resident memory now, or VmHWM, its peak."""
        sizes = (re.search(rf"{field}:\s+(\d+)", status) for _, status in self.members())
        return sum(int(size[1]) for size in sizes) / 1024

    def validations(self, seconds, script=None):
        """Validations per second, of one token or by a script, and microseconds of CPU for each."""
        url = f"http://127.0.0.1:{self.port}/validate"
        options = ("-s", script) if script else ("-H", f"Authorization: {BEARER}")
        return self._load(seconds, url, 64, *options)

    def logins(self, seconds):
        """Logins per second of all users in turn, and microseconds of CPU for each."""
        users = ",".join(f'"{basic}"' for basic in BASIC)
        with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
            script.write(f"local users, at = {{{users}}}, 0\n")
            script.write("function request() at = at % #users + 1\n")
            script.write('return wrk.format("POST", "/login", {Authorization = users[at]}) end\n')
            script.flush()
            url = f"http://127.0.0.1:{self.port}"
            return self._load(seconds, url, 4 * CORES, "-s", script.name)

    def _load(self, seconds, url, connections, *options):
        since, cpu = time.perf_counter(), self.cpu_seconds()
        count = wrk(url, connections, seconds, *options)
        taken, cpu = time.perf_counter() - since, self.cpu_seconds() - cpu
        return count / taken, cpu / count * 1e6


def validate(bearer=BEARER, **more):
    environment = {"JWT_SECRET": KEY, "DRAIN_SECONDS": "0"} | more
    return serving([RELEASE / "validate/bootstrap"], environment, bearer=bearer)


def validate_with_metrics():
    return validate(METRICS_PORT=str(free_port()))


def ordinary(bearer=BEARER, **more):
    return serving([BASELINES / "ordinary"], {"JWT_SECRET": KEY} | more, bearer=bearer)


@contextlib.contextmanager
def secrets_manager():
    """A Secrets Manager that has the key. Yields the variables for it."""
    port = free_port()
    moto = [REPOSITORY / "target/venv/bin/moto_server", "-H", "127.0.0.1", "-p", str(port)]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(moto, **quiet) as process:
        try:
            while not ask(port, "/moto-api/"):
                time.sleep(0.1)
            scope = "Credential=bench/20260101/eu-west-1/secretsmanager/aws4_request"
            headers = {
                "Authorization": f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0",
                "Content-Type": "application/x-amz-json-1.1",
                "X-Amz-Target": "secretsmanager.CreateSecret",
            }
            secret = json.dumps({"Name": "bench", "SecretString": KEY}).encode()
            url = f"http://127.0.0.1:{port}"
            urllib.request.urlopen(urllib.request.Request(url, secret, headers)).close()
            account = {"AWS_ACCESS_KEY_ID": "bench", "AWS_SECRET_ACCESS_KEY": "bench"}
            place = {"AWS_REGION": "eu-west-1", "AWS_ENDPOINT_URL_SECRETS_MANAGER": url}
            yield {"JWT_SECRET": "", "JWT_SECRET_ID": "bench"} | account | place
        finally:
            process.kill()


@contextlib.contextmanager
def extension():
    """A fake of the AWS Parameters and Secrets extension. Yields the variables for it."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self):
            body = json.dumps({"SecretString": KEY}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        # A measured process may end while it waits for its second answer.
        server.handle_error = lambda *_: None
        threading.Thread(target=server.serve_forever, daemon=True).start()
        port = str(server.server_address[1])
        place = {"PARAMETERS_SECRETS_EXTENSION_HTTP_PORT": port}
        yield {"JWT_SECRET": "", "JWT_SECRET_ID": "bench"} | place
        server.shutdown()


@contextlib.contextmanager
def bare_axum():
    """Checks that the answer is that of `validate`, except for the date."""

    def lines(answer):
        return sorted(line for line in answer.splitlines() if not line.startswith(b"date: "))

    with validate() as service:
        expected = service.answer
    body = expected.split(b"\r\n\r\n")[1].decode()
    with serving([BASELINES / "bare-axum"], {"ANSWER": body}) as bare:
        if lines(bare.answer) != lines(expected):
            raise SystemExit(f"bench: bare axum answers {bare.answer}, and validate {expected}")
        yield bare


def flask(database=None):
    gunicorn = Path(sys.executable).with_name("gunicorn")
    options = ["--workers", "3", "--bind", "127.0.0.1:PORT", "--chdir", REPOSITORY / "tests/bench/flask"]
    command = [gunicorn, *options, "--no-control-socket", "service:server"]
    environment = {"JWT_SECRET": KEY, "PYTHONDONTWRITEBYTECODE": "1"}
    return serving(command, environment | (database or {}))


def login(database):
    # Huge pages, as in k8s-knative/base/login.yaml.
    environment = {"JWT_SECRET": KEY, "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}
    environment |= {"DRAIN_SECONDS": "0", "MYSQL_SSL_MODE": "DISABLED"}
    return serving([RELEASE / "login/bootstrap"], environment | database, "/healthz")


@contextlib.contextmanager
def database():
    """A MariaDB with users, which does not wait for a disk. Yields the variables for it."""
    with tempfile.TemporaryDirectory() as folder:
        port, password, socket_file = free_port(), secrets.token_hex(16), Path(folder, "s")
        options = ["--no-defaults", f"--datadir={folder}/data"]
        options += ["--innodb-flush-method=nosync", "--innodb-flush-log-at-trx-commit=0"]
        if os.geteuid() == 0:
            options.append("--user=root")
        search = {"PATH": os.environ["PATH"] + ":/usr/sbin", "TMPDIR": folder}
        install = ["mariadb-install-db", *options, "--auth-root-authentication-method=normal"]
        subprocess.run(install, env=search, stdout=subprocess.DEVNULL, check=True)
        listen = [f"--port={port}", "--bind-address=127.0.0.1", "--skip-name-resolve"]
        server = ["mariadbd", *options, *listen, f"--socket={socket_file}"]
        process = subprocess.Popen(server, env=search, stderr=subprocess.DEVNULL)
        try:
            while not socket_file.exists():
                if process.poll() is not None:
                    raise SystemExit("bench: MariaDB does not start")
                time.sleep(0.05)
            hashed = PasswordHasher(**ARGON2).hash(PASSWORD)
            rows = ",".join(f"('{user}', '{hashed}')" for user in USERS)
            script = f"SET @auth_password = '{password}';\n{(REPOSITORY / 'init.sql').read_text()}"
            script += f"\nINSERT INTO auth.user (email, password) VALUES {rows};"
            client = ["mariadb", "--no-defaults", "-u", "root", f"--socket={socket_file}"]
            subprocess.run(client, input=script.encode(), check=True)
            server = {"MYSQL_HOST": "127.0.0.1", "MYSQL_PORT": str(port), "MYSQL_DB": "auth"}
            yield server | {"MYSQL_USER": "auth_user", "MYSQL_PASSWORD": password}
        finally:
            process.kill()
            process.wait()
