"""Notifications in forms: secrets are not shown again, and stay where a sign stands for them. Pure.

`slack://…#2` stands for the second notification that is stored. One without a secret in it, as
`mailto:ann@example.com`, is shown as it is.
"""

import re
from collections.abc import Sequence

from controlplane.failures import BadRequest
from schemas.aims import HIDDEN, read_aim

SIGN = re.compile(rf".*{HIDDEN}#(\d{{1,3}})")


def shown_lines(known: Sequence[str]) -> list[str]:
    """Returns what a form shows of stored notifications."""
    return [_shown(text, number) for number, text in enumerate(known, 1)]


def meant_lines(text: str, known: Sequence[str], field: str) -> list[str]:
    """Returns the notifications that a field means, one a line. Raises `BadRequest`."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return [_meant(line, known, field) for line in lines]


def _shown(text: str, number: int) -> str:
    aim = read_aim(text)
    if aim is None:
        return f"{HIDDEN}#{number}"
    return f"{aim.shown}#{number}" if HIDDEN in aim.shown else aim.shown


def _meant(line: str, known: Sequence[str], field: str) -> str:
    match = SIGN.fullmatch(line)
    if match is None:
        return line
    number = int(match[1])
    if not 1 <= number <= len(known):
        raise BadRequest(f"{field}: there is no number {number} that could stay: type it")
    return known[number - 1]
