"""Events from the compact descriptions in `corpus/*.yaml`, each with the group that it belongs to.

A description is made into several events that differ as real ones do:

- `{int}`, `{uuid}`, `{time}`, ... are other values in each event, and so are lines and machines.
- `<<a||b>>` is one of them at random, `~` up to three frames of the language's machinery.
- What stands between `[` and `]` is a recursion of one to six calls.
- A frame is `MARK module|filename|function|source`. Of native ones the last is the library.
  The mark is `+` for the application's, `-` for another's, `?` where the SDK does not say.

`miss` says why the events of a description are not one group, as far as we know.
"""

import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from schemas.errors.event import ErrorEvent, Frame, Thrown

FOLDER = Path(__file__).resolve().parents[1] / "corpus"
EVENTS_EACH = 5
NATIVE = ("cocoa", "native", "rust")
_CHOICE = re.compile(r"<<((?:(?!<<|>>(?!>)).)*)>>(?!>)", re.DOTALL)
_PLACEHOLDER = re.compile(r"\{(int|port|uuid|time|float|ip|host|email|vite|hex|hash\d+|hash4)\}")
_MARKS = {"+": True, "-": False, "?": None}
_BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"


class Labelled(NamedTuple):
    """An event and its group."""

    group: str
    miss: str
    event: ErrorEvent


def languages() -> list[str]:
    return sorted(file.stem for file in FOLDER.glob("*.yaml"))


def events_of(language: str) -> Iterator[Labelled]:
    """Makes the events of one file, the same ones each time."""
    described = yaml.safe_load((FOLDER / f"{language}.yaml").read_text(encoding="utf-8"))
    for group in described["groups"]:
        name = f"{language}: {group['name']}"
        for number in range(EVENTS_EACH):
            maker = _Maker(random.Random(f"{name} {number}"), described)
            yield Labelled(name, group.get("miss", ""), maker.event(group))


class _Maker:
    """Makes one event of a description."""

    def __init__(self, chance: random.Random, described: dict[str, Any]) -> None:
        self._chance = chance
        self._platform = described["platform"]
        self._noise = described["noise"]

    def event(self, group: dict[str, Any]) -> ErrorEvent:
        chain = group.get("chain") or ([group] if {"type", "value", "stack"} & set(group) else [])
        return ErrorEvent(
            event_id=f"{self._chance.getrandbits(128):032x}",
            timestamp_us=1_790_000_000_000_000 + self._chance.randrange(10**12),
            platform=self._platform,
            server_name=self._text("web-{int}.{host}"),
            release=self._text("shop@{int}.{int}.0"),
            logger=group.get("logger", ""),
            transaction=self._text(group.get("transaction", "")),
            message=self._text(group.get("message", "")),
            template=group.get("template", ""),
            fingerprint=tuple(group.get("fingerprint", ())),
            exceptions=tuple(self._thrown(one) for one in chain),
        )

    def _thrown(self, one: dict[str, Any]) -> Thrown:
        return Thrown(
            type=self._text(one.get("type", "")),
            value=self._text(one["value"]) if "value" in one else None,
            synthetic=one.get("synthetic", False),
            frames=tuple(self._frames(one.get("stack", ()))),
        )

    def _frames(self, lines: list[str]) -> Iterator[Frame]:
        at = 0
        while at < len(lines):
            if lines[at] == "[":
                end = lines.index("]", at)
                for _ in range(self._chance.randint(1, 6)):
                    yield from self._frames(lines[at + 1 : end])
                at = end
            else:
                yield from self._line(self._text(lines[at]))
            at += 1

    def _line(self, line: str) -> Iterator[Frame]:
        if line == "~":
            for noise in self._chance.choices(self._noise, k=self._chance.randint(0, 3)):
                yield from self._line(self._text(noise))
            return
        mark, _, rest = line.partition(" ")
        module, filename, function, last, *_ = (*rest.split("|"), "", "", "")
        native = self._platform in NATIVE
        yield Frame(
            module=module,
            filename=filename,
            function=function,
            lineno=self._chance.randint(1, 2000),
            colno=self._chance.randint(1, 200),
            in_app=_MARKS[mark],
            context_line="" if native else last,
            package=last if native else "",
            instruction_addr=hex(self._chance.getrandbits(48)) if native else "",
        )

    def _text(self, text: str) -> str:
        while choice := _CHOICE.search(text):
            chosen = self._chance.choice(choice[1].split("||"))
            text = text[: choice.start()] + chosen + text[choice.end() :]
        return _PLACEHOLDER.sub(self._value, text)

    def _value(self, found: re.Match[str]) -> str:
        name, chance = found[1], self._chance
        if name.startswith("hash"):
            # Of a real hash nearly always one digit is a number.
            return f"{chance.randint(0, 9)}" + "".join(
                chance.choices("0123456789abcdef", k=int(name[4:]) - 1)
            )
        if name == "vite":
            return "".join(chance.choices(_BASE64, k=7)) + f"{chance.randint(0, 9)}"
        return _VALUES[name](chance)


def _uuid(chance: random.Random) -> str:
    digits = f"{chance.getrandbits(128):032x}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


_VALUES: dict[str, Any] = {
    "int": lambda chance: str(chance.randint(0, 10 ** chance.randint(1, 7))),
    "port": lambda chance: str(chance.randint(1024, 65_535)),
    "float": lambda chance: f"{chance.uniform(0, 5000):.{chance.randint(1, 4)}f}",
    "uuid": _uuid,
    "hex": lambda chance: f"{chance.randint(10**9, 10**14):x}",
    "time": lambda chance: (
        f"2026-{chance.randint(1, 12):02}-{chance.randint(1, 28):02}T{chance.randint(0, 23):02}:"
        f"{chance.randint(0, 59):02}:{chance.randint(0, 59):02}.{chance.randint(0, 999):03}Z"
    ),
    "ip": lambda chance: ".".join(str(chance.randint(1, 254)) for _ in range(4)),
    "host": lambda chance: (
        f"{chance.choice(('db', 'api', 'cache'))}-{chance.randint(1, 40)}.prod.internal"
    ),
    "email": lambda chance: (
        f"{chance.choice(('ann', 'bo.b', 'c+d'))}{chance.randint(1, 99)}@mail.example.com"
    ),
}
