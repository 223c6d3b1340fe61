"""Lines that deployments print."""

import random
import time

import msgspec

from benchmarks.generate import Body, Generator, cut, mark
from schemas.deploys.lines import Line
from schemas.kinds import DEPLOY_LINE

WORDS = ("Collecting", "Compiling", "Installing", "Downloading", "Building", "Linking", "Testing")
MOST = 500
"""As the deployer writes at a time."""


def text(chance: random.Random) -> str:
    """Makes a line of some 100 characters, as builds print them."""
    name = f"package-{chance.randrange(10**6)}"
    path = f"src/{name}/{chance.randrange(10**9):x}/module_{chance.randrange(1000)}.py"
    return f"{chance.choice(WORDS)} {name} ({chance.randrange(1, 999)} of 999): {path} ... done"


def lines(chance: random.Random, size: int) -> Body:
    """Makes lines of one deployment, each in a line of JSON."""
    now_us = time.time_ns() // 1000
    made = [
        Line(
            # The first id is that of the deployment.
            deployment_id=mark(0),
            seq=number + 1,
            at_us=now_us,
            level="warn" if chance.random() < 0.02 else "info",
            stream="stderr" if chance.random() < 0.1 else "stdout",
            message=text(chance),
        )
        for number in range(size)
    ]
    return cut(b"\n".join(map(msgspec.json.encode, made)), 0)


GENERATORS = {DEPLOY_LINE.name: Generator("", lines, most=MOST)}
