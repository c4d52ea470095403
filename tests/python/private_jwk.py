"""Prints a JWK Set with the private key that KEY has in PEM, for ALGORITHM."""

import json
import os

from jwt.algorithms import get_default_algorithms

algorithm = get_default_algorithms()[os.environ["ALGORITHM"]]
key = algorithm.prepare_key(os.environ["KEY"].encode())
print(json.dumps({"keys": [json.loads(algorithm.to_jwk(key))]}))
