"""The processes that are measured: how each is started, asked, loaded and watched."""

import base64
import contextlib
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import jwt
from argon2 import PasswordHasher

REPOSITORY = Path(__file__).resolve().parent.parent
RELEASE = REPOSITORY / os.environ.get("CARGO_TARGET_DIR", "target") / "release"
BASELINES = REPOSITORY / "target/bench/baselines/release"
CORES = len(os.sched_getaffinity(0))

KEY = secrets.token_hex(32)
NOW = int(time.time())
CLAIMS = {"username": "ada@example.com", "admin": False, "iat": NOW, "exp": NOW + 86400}
CLAIMS |= {"sub": "4711", "jti": "67e55044-10b1-426f-9247-bb680e5fe0c8"}
BEARER = "Bearer " + jwt.encode(CLAIMS, KEY)

PASSWORD = "a long enough passphrase"
USERS = [f"user-{number}@example.com" for number in range(8 * CORES)]
BASIC = ["Basic " + base64.b64encode(f"{user}:{PASSWORD}".encode()).decode() for user in USERS]
# What login stores by default.
ARGON2 = {"time_cost": 2, "memory_cost": 19456, "parallelism": 1, "hash_len": 32}


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def ask(port, path):
    """The first bytes of an answer, or none if the port is not served yet."""
    head = f"GET {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: {BEARER}\r\n\r\n"
    with contextlib.suppress(ConnectionError):
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            connection.sendall(head.encode())
            return connection.recv(65536)
    return b""


def wrk(url, connections, seconds, *options):
    """The number of requests that were answered in so many seconds; each with a 2xx."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", *options, url]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in output or "Socket errors" in output:
        raise SystemExit(f"bench: not every answer was good\n{output}")
    return int(re.search(r"(\d+) requests in", output)[1])


class Service:
    """A process and its workers, serving from the start on. What they print is thrown away: a log
    costs what writing it costs, and no disk.
    """

    def __init__(self, command, environment, path="/validate"):
        self.port = free_port()
        variables = {"PATH": os.environ["PATH"], "HOST": "127.0.0.1", "PORT": str(self.port)}
        command = [str(word).replace("PORT", str(self.port)) for word in command]
        began = time.perf_counter()
        self.process = subprocess.Popen(
            command,
            env=variables | environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            while not (answer := ask(self.port, path)):
                if self.process.poll() is not None or time.perf_counter() > began + 30:
                    raise SystemExit(f"bench: {command[0]} does not serve")
                time.sleep(0.0002)
            self.start_seconds = time.perf_counter() - began
            if b" 200 " not in answer.splitlines()[0]:
                raise SystemExit(f"bench: {command[0]} answers {answer}")
        except BaseException:
            self.end()
            raise
        self.answer = answer

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()

    def end(self):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def members(self):
        """Of each process of the group, what /proc/PID has in `stat` and `status`."""
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                fields = (folder / "stat").read_text().rsplit(") ", 1)[1].split()
                if int(fields[2]) == self.process.pid:
                    yield fields, (folder / "status").read_text()

    def cpu_seconds(self):
        """Of user and kernel, so far."""
        ticks = sum(int(fields[11]) + int(fields[12]) for fields, _ in self.members())
        return ticks / os.sysconf("SC_CLK_TCK")

    def mebibytes(self, field):
        """VmRSS, what is resident now, or VmHWM, the most that was."""
        sizes = (re.search(rf"{field}:\s+(\d+)", status) for _, status in self.members())
        return sum(int(size[1]) for size in sizes) / 1024

    def validations(self, seconds):
        """Validations a second, and microseconds of CPU for each."""
        url = f"http://127.0.0.1:{self.port}/validate"
        return self._load(seconds, url, 64, "-H", f"Authorization: {BEARER}")

    def logins(self, seconds):
        """Logins a second of users who take turns, and microseconds of CPU for each."""
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


def validate(**more):
    return Service([RELEASE / "validate"], {"JWT_SECRET": KEY, "DRAIN_SECONDS": "0"} | more)


def validate_with_metrics():
    return validate(METRICS_PORT=str(free_port()))


def ordinary():
    return Service([BASELINES / "ordinary"], {"JWT_SECRET": KEY})


def bare_axum():
    """Checked to answer what `validate` answers, but for the time in it."""
    with validate() as service:
        expected = service.answer
    body = expected.split(b"\r\n\r\n")[1].decode()
    bare = Service([BASELINES / "bare-axum"], {"ANSWER": body})

    def lines(answer):
        return sorted(line for line in answer.splitlines() if not line.startswith(b"date: "))

    if lines(bare.answer) != lines(expected):
        bare.end()
        raise SystemExit(f"bench: bare axum answers {bare.answer}, and validate {expected}")
    return bare


def flask(database=None):
    gunicorn = Path(sys.executable).with_name("gunicorn")
    options = ["--workers", "3", "--bind", "127.0.0.1:PORT", "--chdir", REPOSITORY / "bench/flask"]
    command = [gunicorn, *options, "--no-control-socket", "service:server"]
    environment = {"JWT_SECRET": KEY, "PYTHONDONTWRITEBYTECODE": "1"}
    return Service(command, environment | (database.variables if database else {}))


def login(database):
    # Huge pages, as k8s-knative/base/login.yaml asks for them.
    environment = {"JWT_SECRET": KEY, "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}
    environment |= {"DRAIN_SECONDS": "0", "MYSQL_SSL_MODE": "DISABLED"}
    return Service([RELEASE / "login"], environment | database.variables, "/healthz")


class Database:
    """A MariaDB with users, which does not wait for a disk."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory()
        self.port, password = free_port(), secrets.token_hex(16)
        self.variables = {"MYSQL_HOST": "127.0.0.1", "MYSQL_PORT": str(self.port)}
        self.variables |= {"MYSQL_USER": "auth_user", "MYSQL_PASSWORD": password}
        self.variables |= {"MYSQL_DB": "auth"}
        options = ["--no-defaults", f"--datadir={self.folder.name}/data"]
        options += ["--innodb-flush-method=nosync", "--innodb-flush-log-at-trx-commit=0"]
        if os.geteuid() == 0:
            options.append("--user=root")
        search = {"PATH": os.environ["PATH"] + ":/usr/sbin", "TMPDIR": self.folder.name}
        install = ["mariadb-install-db", *options, "--auth-root-authentication-method=normal"]
        subprocess.run(install, env=search, stdout=subprocess.DEVNULL, check=True)
        listen = [f"--port={self.port}", "--bind-address=127.0.0.1", "--skip-name-resolve"]
        client = ["mariadb", "--no-defaults", "-u", "root", f"--socket={self.folder.name}/s"]
        server = ["mariadbd", *options, *listen, client[-1]]
        self.process = subprocess.Popen(server, env=search, stderr=subprocess.DEVNULL)
        try:
            while not Path(self.folder.name, "s").exists():
                if self.process.poll() is not None:
                    raise SystemExit("bench: MariaDB does not start")
                time.sleep(0.05)
            hashed = PasswordHasher(**ARGON2).hash(PASSWORD)
            rows = ",".join(f"('{user}', '{hashed}')" for user in USERS)
            script = f"SET @auth_password = '{password}';\n{(REPOSITORY / 'init.sql').read_text()}"
            script += f"\nINSERT INTO auth.user (email, password) VALUES {rows};"
            subprocess.run(client, input=script.encode(), check=True)
        except BaseException:
            self.end()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()

    def end(self):
        self.process.kill()
        self.process.wait()
        self.folder.cleanup()
