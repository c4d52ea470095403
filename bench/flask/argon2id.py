"""Argon2id by the C reference: `argon2id.py SECONDS THREADS`, with login's parameters.

Prints the number of hashes, the seconds that passed, and the CPU seconds that they took.
"""

import sys
import threading
import time

from argon2.low_level import Type, hash_secret_raw

seconds, threads = float(sys.argv[1]), int(sys.argv[2])
counts = [0] * threads


def compute(number, end):
    # cffi lets go of Python's lock for the length of a hash.
    while time.perf_counter() < end:
        hash_secret_raw(
            secret=b"a long enough passphrase",
            salt=b"sixteen bytes of",
            time_cost=2,
            memory_cost=19456,
            parallelism=1,
            hash_len=32,
            type=Type.ID,
        )
        counts[number] += 1


begin, cpu = time.perf_counter(), time.process_time()
workers = [
    threading.Thread(target=compute, args=(number, begin + seconds)) for number in range(threads)
]
for worker in workers:
    worker.start()
for worker in workers:
    worker.join()
print(sum(counts), time.perf_counter() - begin, time.process_time() - cpu)
