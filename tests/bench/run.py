"""`make bench`: compares the functions with baselines, in one table of ratios.

Usage: run.py [SECTION]..., with ROUNDS and ROUND_SECONDS in the environment.

A round measures each service once, one after another. A ratio compares two figures of the same
round, so that a temporary load of the machine affects both.
"""

import os
import platform
import statistics
import sys
import threading
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

from argon2.low_level import Type, hash_secret_raw

import services
from services import ARGON2, BASELINES, CORES, PASSWORD, RELEASE

ROUNDS = int(os.environ.get("ROUNDS", "5"))
SECONDS = int(os.environ.get("ROUND_SECONDS", "3"))
STARTS = 20
# The functions that start each service that answers `GET /validate` without a database.
WITHOUT_DATABASE = {
    "validate": services.validate,
    "bare axum": services.bare_axum,
    "ordinary service": services.ordinary,
    "Flask": services.flask,
}


class Table:
    """Figures by measurement and service, one for each round."""

    def __init__(self):
        self.figures = defaultdict(list)
        self.rows = []

    def note(self, what, service, figure):
        self.figures[what, service].append(figure)

    def compare(self, what, service, *baselines):
        self.rows += [(what, service, baseline) for baseline in baselines]

    def print(self):
        print("| what | ours | baseline | ours ÷ baseline |\n|---|---|---|---|")
        for what, service, baseline in self.rows:
            ours, theirs = self.figures[what, service], self.figures[what, baseline]
            ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
            medians = [shown(statistics.median(figures)) for figures in (ours, theirs)]
            spread = f"{min(ratios):#.3g} to {max(ratios):#.3g}"
            ratio = f"**{statistics.median(ratios):#.3g}** ({spread})"
            print(f"| {what} | {service} {medians[0]} | {baseline} {medians[1]} | {ratio} |")


def shown(figure):
    return f"{figure:,.0f}" if figure >= 100 else f"{figure:.3g}"


def rounds(what):
    for number in range(ROUNDS):
        print(f"bench: {what}, round {number + 1} of {ROUNDS}", file=sys.stderr)
        yield


def validate(table):
    starts = WITHOUT_DATABASE | {"validate with metrics": services.validate_with_metrics}
    with ExitStack() as stack:
        running = {name: stack.enter_context(start()) for name, start in starts.items()}
        for service in running.values():
            service.validations(1)
        for _ in rounds("validate"):
            for name, service in running.items():
                note_validations(table, "one token", name, service.validations(SECONDS))
    compare_validations(table, "one token", "validate", "bare axum", "ordinary service", "Flask")
    compare_validations(table, "one token", "validate with metrics", "validate")


def tokens(table):
    """Tokens of 1,000 users, repeated in turn, and tokens that occur only once."""
    for algorithm in services.ALGORITHMS:
        private, public = services.key_pair(algorithm)
        (first,) = services.signed(algorithm, private, 1)
        key = {"JWT_SECRET": public, "bearer": f"Bearer {first}"}

        def ordinary():
            return services.ordinary(ALGORITHM=algorithm, **key)

        starts = {
            "validate, no log": lambda: services.validate(RUST_LOG="off", **key),
            "bare axum": services.bare_axum,
            "validate": lambda: services.validate(**key),
            "ordinary service": ordinary,
        }
        what = f"{algorithm}, repeated tokens"
        with services.requests(services.signed(algorithm, private, 1_000)) as script:
            for _ in rounds(what):
                for name, begin in starts.items():
                    with begin() as service:
                        note_validations(table, what, name, service.validations(SECONDS, script))
        compare_validations(table, what, "validate, no log", "bare axum")
        compare_validations(table, what, "validate", "ordinary service")

        starts = {
            "validate": lambda: services.validate(**key),
            "validate without cache": lambda: services.validate(TOKEN_CACHE_ENTRIES="0", **key),
            "ordinary service": ordinary,
        }
        what = f"{algorithm}, new tokens"
        count = (120_000 if algorithm == "HS256" else 40_000) * SECONDS
        with services.requests(services.signed(algorithm, private, count)) as script:
            for _ in rounds(what):
                for name, begin in starts.items():
                    with begin() as service:
                        rate, cpu = service.validations(SECONDS, script)
                        if rate * SECONDS > count:
                            raise SystemExit(f"bench: {count} tokens are too few for {name}")
                        note_validations(table, what, name, (rate, cpu))
        compare_validations(table, what, "validate", "validate without cache", "ordinary service")


def flood(table):
    """The rate of clients with a few tokens while other clients send new tokens or garbage."""
    key = services.KEY
    starts = {
        "validate": services.validate,
        "validate without cache": lambda: services.validate(TOKEN_CACHE_ENTRIES="0"),
    }
    count = 100_000 * SECONDS
    floods = {"new tokens": (services.signed("HS256", key, count), "2xx")}
    floods["garbage"] = (services.garbage(count), "403")
    with services.requests(services.signed("HS256", key, 100, first=count)) as few:
        for kind, (tokens, status) in floods.items():
            rate, most = f"validations a second beside {kind}", f"memory after {kind}, MiB"
            with services.requests(tokens) as script:
                for _ in rounds(rate):
                    for name, begin in starts.items():
                        with begin() as service, ThreadPoolExecutor() as pool:
                            url = f"http://127.0.0.1:{service.port}/validate"
                            arguments = (url, 64, SECONDS, "-s", script)
                            flooding = pool.submit(services.wrk, *arguments, status=status)
                            table.note(rate, name, services.wrk(url, 4, SECONDS, "-s", few) / SECONDS)
                            if flooding.result() > count:
                                raise SystemExit(f"bench: {count} tokens are too few for {name}")
                            table.note(most, name, service.mebibytes("VmHWM"))
            table.compare(rate, "validate", "validate without cache")
            table.compare(most, "validate", "validate without cache")


def note_validations(table, what, service, figures):
    rate, cpu = figures
    table.note(f"{what}: validations a second", service, rate)
    table.note(f"{what}: CPU a validation, µs", service, cpu)


def compare_validations(table, what, service, *baselines):
    for figure in ("validations a second", "CPU a validation, µs"):
        table.compare(f"{what}: {figure}", service, *baselines)


def hashes(seconds):
    """Hashes per second of the C reference on all cores, and microseconds of CPU for each."""
    password, counts = PASSWORD.encode(), [0] * CORES
    since, cpu = time.perf_counter(), time.process_time()

    def work(number):
        # cffi releases Python's global lock while it computes a hash.
        while time.perf_counter() < since + seconds:
            hash_secret_raw(password, b"sixteen bytes of", type=Type.ID, **ARGON2)
            counts[number] += 1

    threads = [threading.Thread(target=work, args=(number,)) for number in range(CORES)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    count = sum(counts)
    return count / (time.perf_counter() - since), (time.process_time() - cpu) / count * 1e6


def login(table):
    with services.database() as database, ExitStack() as stack:
        ours = stack.enter_context(services.login(database))
        flask = stack.enter_context(services.flask(database))
        measures = {"login": ours.logins, "C reference": hashes, "Flask": flask.logins}
        for measure in measures.values():
            measure(1)
        for _ in rounds("login"):
            for name, measure in measures.items():
                rate, cpu = measure(SECONDS)
                table.note("logins (or hashes) a second", name, rate)
                table.note("CPU a login (or hash), µs", name, cpu)
    for what in ("logins (or hashes) a second", "CPU a login (or hash), µs"):
        table.compare(what, "login", "C reference", "Flask")


def start(table):
    """With the key in a variable, in Secrets Manager, and from the extension."""
    starts = {name: begin for name, begin in WITHOUT_DATABASE.items() if name != "Flask"}
    compare_starts(table, "start to first answer, ms", starts)
    with services.secrets_manager() as variables:
        starts = {
            "validate": lambda: services.validate(**variables),
            "ordinary service": lambda: services.ordinary(**variables),
        }
        compare_starts(table, "start with a key from Secrets Manager, ms", starts)
    with services.extension() as variables:
        starts = {
            "validate": lambda: services.validate(**variables),
            "bare axum": services.bare_axum,
        }
        compare_starts(table, "start with a key from the extension, ms", starts)


def compare_starts(table, what, starts):
    for _ in rounds(what):
        taken = defaultdict(list)
        for _ in range(STARTS):
            for name, begin in starts.items():
                with begin() as service:
                    taken[name].append(service.start_seconds * 1e3)
        for name, milliseconds in taken.items():
            table.note(what, name, statistics.median(milliseconds))
    table.compare(what, "validate", *(name for name in starts if name != "validate"))


def size(table):
    what = "program, MB"
    programs = {"validate": RELEASE / "validate/bootstrap", "login": RELEASE / "login/bootstrap"}
    programs |= {"bare axum": BASELINES / "bare-axum", "ordinary service": BASELINES / "ordinary"}
    for name, path in programs.items():
        table.note(what, name, path.stat().st_size / 1e6)
    table.compare(what, "validate", "bare axum", "ordinary service")
    table.compare(what, "login", "ordinary service")


def memory(table):
    idle, loaded = "memory idle, MiB", "memory under load at most, MiB"
    with services.database() as database:
        starts = {name: (begin, "validations") for name, begin in WITHOUT_DATABASE.items()}
        starts["login"] = (lambda: services.login(database), "logins")
        starts["Flask, logins"] = (lambda: services.flask(database), "logins")
        for _ in rounds("memory"):
            for name, (begin, load) in starts.items():
                with begin() as service:
                    time.sleep(1)
                    table.note(idle, name, service.mebibytes("VmRSS"))
                    getattr(service, load)(1)
                    table.note(loaded, name, service.mebibytes("VmHWM"))
    for what in (idle, loaded):
        table.compare(what, "validate", "bare axum", "ordinary service", "Flask")
        table.compare(what, "login", "Flask, logins")


SECTIONS = {"validate": validate, "tokens": tokens, "flood": flood, "login": login, "start": start, "size": size, "memory": memory}


def main():
    wanted = sys.argv[1:] or list(SECTIONS)
    if unknown := set(wanted) - set(SECTIONS):
        raise SystemExit(f"bench: no section {', '.join(unknown)}; there are {', '.join(SECTIONS)}")
    load = os.getloadavg()[0]
    table = Table()
    for name in wanted:
        SECTIONS[name](table)
    print(
        f"{time.strftime('%Y-%m-%d %H:%M', time.gmtime())} UTC, {CORES} cores, "
        f"{platform.platform()}, load average before {load:.2f}; "
        f"{ROUNDS} rounds of {SECONDS} s, medians (least to most)\n"
    )
    table.print()


main()
