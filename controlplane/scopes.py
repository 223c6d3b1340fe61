"""What an API token may do: everything up to a scope, or something of one subject. Pure.

`read`, `write` and `admin` each include those before it, and reach every subject. `monitors:read`
is of one subject alone; several stand together, with spaces or commas between. `write` of a subject
includes its `read`.
"""

from typing import Literal, get_args

from controlplane.failures import BadRequest
from schemas.projects import TokenScope

Subject = Literal["monitors", "incidents"]
SUBJECTS: tuple[Subject, ...] = get_args(Subject)
SCOPES: tuple[TokenScope, ...] = get_args(TokenScope)
"""From the least to the most."""
OF_SUBJECTS = tuple(f"{subject}:{scope}" for subject in SUBJECTS for scope in ("read", "write"))
NOTHING = "none"
"""Stands in a row where a general scope does, for a token that has subjects alone."""


def as_scope(text: str) -> str:
    """Reads scopes, and returns them as they are kept; raises `BadRequest` for what is none."""
    parts = text.replace(",", " ").split()
    general = [part for part in parts if part in SCOPES]
    known = {part for part in parts if part in OF_SUBJECTS}
    if not parts or len(general) > 1 or set(parts) != known | set(general):
        raise BadRequest(
            "scope must be 'read', 'write' or 'admin', or some of " + ", ".join(OF_SUBJECTS)
        )
    return " ".join([*general, *(one for one in OF_SUBJECTS if one in known)])


def kept(scope: str) -> tuple[str, str]:
    """Returns what a row keeps of scopes that `as_scope` returned: the general one, the others."""
    first, _, rest = scope.partition(" ")
    return (first, rest) if first in SCOPES else (NOTHING, scope)


def told(general: str, subjects: str) -> str:
    """Returns the scopes that a row keeps."""
    return " ".join(part for part in (general, subjects) if part not in ("", NOTHING))


def allows(scope: str, needs: TokenScope, subject: Subject | None = None) -> bool:
    """Tells whether scopes suffice for something, of a subject or of none."""
    parts = scope.split()
    enough: set[str] = set(SCOPES[SCOPES.index(needs) :])
    if subject is not None and needs != "admin":
        enough |= {f"{subject}:{one}" for one in ("read", "write") if one in enough}
    return not enough.isdisjoint(parts)
