"""Which projects a token of `sentry-cli` means: by number, id, or name as a slug."""

import re
from collections.abc import Sequence

from api.auth import AnyRequest
from api.holders import projects_in
from controlplane.api_tokens import ReachedProject, TokenHolder
from controlplane.failures import BadRequest
from controlplane.rules import as_uuid

MOST_NAMED = 20
MOST_LISTED = 10


def slug_of(name: str) -> str:
    """Returns a project's name as `sentry-cli` takes it: words in lower case with dashes."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


async def projects_named(
    request: AnyRequest, holder: TokenHolder, names: Sequence[str]
) -> list[ReachedProject]:
    """Returns projects that a token reaches; without names, the only one.

    Raises `BadRequest` for any other: of a 404 `sentry-cli` shows no more than that it is one.
    """
    if len(names) > MOST_NAMED:
        raise BadRequest(f"projects: {len(names)} are named, at most {MOST_NAMED} at a time")
    reached = await projects_in(request, holder)
    if not names:
        if len(reached) == 1:
            return reached
        raise BadRequest(f"projects: name one of {_listed(reached)}")
    return [_one(reached, name) for name in dict.fromkeys(names)]


def _one(reached: Sequence[ReachedProject], name: str) -> ReachedProject:
    key = as_uuid(name)
    for one in reached:
        if name == str(one.number) or (key and key == as_uuid(one.access.project.project_id)):
            return one
    named = [one for one in reached if slug_of(one.name) == name.lower()]
    if len(named) > 1:
        raise BadRequest(f"projects: {name[:60]!r} is the name of {_listed(named)}: use a number")
    if not named:
        expected = _listed(reached) or "no project"
        raise BadRequest(f"Project {name[:60]!r} not found: the token reaches {expected}")
    return named[0]


def _listed(projects: Sequence[ReachedProject]) -> str:
    shown = [f"{one.number} ({slug_of(one.name)[:40]})" for one in projects[:MOST_LISTED]]
    left = len(projects) - len(shown)
    return ", ".join(shown) + (f" and {left} more" if left > 0 else "")
