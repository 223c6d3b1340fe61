"""The order of releases: by semantic version where both have one, else by their first event.

Sources: Semantic Versioning 2.0.0, section 11, and how Sentry's SDKs name releases,
`package@version+build`. Rules:
    1. releases of different packages cannot be compared
    2. versions have one to four numbers, a `v` before them or not; missing ones are 0
    3. a pre-release comes before its release; identifiers are compared one by one (11.4)
    4. builds are compared where both are numbers, else they say nothing
    5. where one of both has no version, the one that was seen first is older
"""

import re
from typing import Literal, NamedTuple

VERSION = re.compile(
    r"v?(\d{1,18}(?:\.\d{1,18}){0,3})(?:-([0-9A-Za-z.-]{1,100}))?(?:\+([0-9A-Za-z.-]{1,100}))?",
    re.ASCII,
)
Order = Literal["older", "same", "newer"]
Identifier = tuple[int, int, str]

MAX_CHARS = 250
NEVER = re.compile(r"[\x00\r\n\t\f/\\]")
"""In the name of a release that is made known. Those of events are taken as they come."""


class SeenRelease(NamedTuple):
    """A release, and when its first event came, in microseconds since 1970 UTC."""

    name: str
    first_seen_us: int


class Version(NamedTuple):
    """What a release's name says, in the order of versions."""

    numbers: tuple[int, ...]
    is_final: bool
    before: tuple[Identifier, ...]
    """Of a pre-release."""
    build: int
    """-1 where it is no number."""


def release_fault(name: str) -> str | None:
    """Returns what is wrong with the name of a release that is made known, by Sentry's rules."""
    if not name.strip() or name != name.strip() or len(name) > MAX_CHARS:
        return f"expected a text of 1 to {MAX_CHARS} characters, without blanks around it"
    if name in (".", "..", "latest"):
        return f"{name!r} is the name of no release"
    if NEVER.search(name):
        return "a release has no slash, backslash, tab or line break in its name"
    return None


def package_of(release: str) -> str:
    """Returns what is released, the empty text where the name does not say it."""
    package, at, _ = release.rpartition("@")
    return package if at else ""


def version_of(release: str) -> Version | None:
    """Reads the version in a release's name; `None` where it is none, as the hash of a commit."""
    found = VERSION.fullmatch(release.rpartition("@")[2])
    if found is None or ("." not in found[1] and len(found[1]) > 9):
        return None
    numbers = [int(number) for number in found[1].split(".")]
    padded = tuple([*numbers, 0, 0, 0][:4])
    parts = found[2].split(".") if found[2] else []
    build = int(found[3]) if found[3] and found[3].isdigit() else -1
    return Version(padded, not parts, tuple(map(_identifier, parts)), build)


def compare(one: SeenRelease, other: SeenRelease) -> Order | None:
    """Tells where `one` stands beside `other`; `None` where they are of different packages."""
    if one.name == other.name:
        return "same"
    if package_of(one.name) != package_of(other.name):
        return None
    first, second = version_of(one.name), version_of(other.name)
    if first is None or second is None:
        return _order(one.first_seen_us, other.first_seen_us)
    if first[:3] == second[:3] and min(first.build, second.build) < 0:
        return "same"
    return _order(first, second)


def is_newer(one: SeenRelease, other: SeenRelease) -> bool:
    """Tells whether `one` comes after `other`, of the same package or by its first event."""
    order = compare(one, other) or _order(one.first_seen_us, other.first_seen_us)
    return order == "newer"


def _order(one: int | Version, other: int | Version) -> Order:
    if one == other:
        return "same"
    # Both are of one type: mypy cannot see it.
    return "older" if one < other else "newer"  # type: ignore[operator]


def _identifier(text: str) -> Identifier:
    """Numbers come before words, and are compared as numbers (11.4.3)."""
    return (0, int(text), "") if text.isdigit() else (1, 0, text)
