"""Tries every rule on a server, prints a table, and ends with 1 where one is broken."""

import argparse
import sys
from collections.abc import Collection
from typing import NamedTuple

import httpx

from tests.conformance.otlp.checks import CHECKS, Check
from tests.conformance.otlp.requests import SIGNALS
from tests.conformance.otlp.server import Broken, Server, Skipped

TIMEOUT_S = 60.0


class Found(NamedTuple):
    """What became of one check."""

    check: Check
    word: str
    """`ok`, `BROKEN` or `skipped`."""
    said: str


def run(server: Server, signals: Collection[str] = SIGNALS) -> list[Found]:
    """Tries every rule of these signals, one after the other."""
    return [_tried(server, check) for check in CHECKS if check.signal in signals]


def _tried(server: Server, check: Check) -> Found:
    try:
        check.run(server)
    except Broken as broken:
        return Found(check, "BROKEN", str(broken))
    except Skipped as skipped:
        return Found(check, "skipped", str(skipped))
    except httpx.HTTPError as error:
        return Found(check, "BROKEN", f"no answer: {error or type(error).__name__}")
    return Found(check, "ok", "")


def table(found: list[Found]) -> str:
    """Returns a line for each check, and their count."""
    width = max(len(one.check.name) for one in found)
    lines = [
        f"{one.word:8}{one.check.level:8}{one.check.name:{width + 2}}{one.said or one.check.rule}"
        for one in found
    ]
    kept = sum(one.word == "ok" for one in found)
    return "\n".join([*lines, f"{kept} of {len(found)} rules are kept"])


def _header(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign:
        raise argparse.ArgumentTypeError("NAME=VALUE is wanted")
    return name, value


def main(arguments: list[str]) -> int:
    """Runs the suite; the address is that before `/v1/traces`."""
    parser = argparse.ArgumentParser(prog="python -m tests.conformance.otlp", description=__doc__)
    parser.add_argument("url", help="such as http://127.0.0.1:4318")
    parser.add_argument("--header", action="append", type=_header, default=[], metavar="NAME=VALUE")
    parser.add_argument(
        "--signals", nargs="+", choices=SIGNALS, default=SIGNALS, help="leave out the others"
    )
    given = parser.parse_args(arguments)
    with httpx.Client(base_url=given.url.rstrip("/"), timeout=TIMEOUT_S) as client:
        found = run(Server(client, dict(given.header)), given.signals)
    sys.stdout.write(table(found) + "\n")
    return int(any(one.word == "BROKEN" for one in found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
