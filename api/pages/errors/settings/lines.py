"""Rules as lines that people write: `name = pattern`, and `type:Timeout* -> timeouts`."""

import re
from collections.abc import Iterator

from controlplane.failures import BadRequest
from schemas.errors.grouping import FingerprintRule
from schemas.errors.masking import OwnPattern

QUOTED = r'"((?:[^"\\]|\\.)*+)"'
PAIR = re.compile(rf'\s*+([A-Za-z][\w.-]*+):(?:{QUOTED}|([^\s"]++))')
PART = re.compile(rf'\s*+(?:{QUOTED}|([^",]++))\s*+(?:,|$)')
TITLE = re.compile(rf"\s++title={QUOTED}\s*+$")
ESCAPE = re.compile(r"\\(.)", re.DOTALL)
PLAIN = re.compile(r'[^\s",\\]++')


def listed(text: str) -> tuple[str, ...]:
    """Returns the lines of a text that hold something."""
    return tuple(filter(None, (line.strip() for line in text.splitlines())))


def patterns_in(text: str) -> tuple[OwnPattern, ...]:
    """Reads patterns, `name = pattern` a line. Raises `BadRequest`."""
    found = []
    for line in listed(text):
        name, sign, pattern = line.partition("=")
        if not sign:
            raise BadRequest(f"ownPatterns: expected name = pattern, and not {line[:60]!r}")
        found.append(OwnPattern(name.strip(), pattern.strip()))
    return tuple(found)


def patterns_text(patterns: tuple[OwnPattern, ...]) -> str:
    """Writes them as `patterns_in` reads them."""
    return "\n".join(f"{one.name} = {one.pattern}" for one in patterns)


def rules_in(text: str) -> tuple[FingerprintRule, ...]:
    """Reads rules, `field:pattern ... -> part, part title="..."` a line. Raises `BadRequest`."""
    return tuple(_rule(line) for line in listed(text))


def rules_text(rules: tuple[FingerprintRule, ...]) -> str:
    """Writes them as `rules_in` reads them."""
    return "\n".join(
        " ".join(f"{field}:{_written(pattern)}" for field, pattern in rule.match)
        + f" -> {', '.join(map(_written, rule.fingerprint))}"
        + (f" title={_quoted(rule.title)}" if rule.title else "")
        for rule in rules
    )


def _rule(line: str) -> FingerprintRule:
    pairs, at = [], 0
    while found := PAIR.match(line, at):
        pairs.append((found[1], _read(found[2], found[3])))
        at = found.end()
    rest = line[at:].lstrip()
    if not pairs or not rest.startswith("->"):
        raise BadRequest(f"rules: expected field:pattern -> fingerprint, and not {line[:60]!r}")
    rest = rest[2:]
    title = TITLE.search(rest)
    if title is not None:
        rest = rest[: title.start()]
    parts = tuple(_parts(rest, line))
    return FingerprintRule(tuple(pairs), parts, _read(title[1], "") if title else "")


def _parts(text: str, line: str) -> Iterator[str]:
    at = 0
    while at < len(text.rstrip()):
        found = PART.match(text, at)
        if found is None:
            raise BadRequest(f"rules: the fingerprint of {line[:60]!r} cannot be read")
        yield _read(found[1], (found[2] or "").strip())
        at = found.end()


def _read(quoted: str | None, plain: str | None) -> str:
    return ESCAPE.sub(r"\1", quoted) if quoted is not None else plain or ""


def _written(text: str) -> str:
    return text if PLAIN.fullmatch(text) and "->" not in text else _quoted(text)


def _quoted(text: str) -> str:
    return '"' + re.sub(r'(["\\])', r"\\\1", text.replace("\n", " ")) + '"'
