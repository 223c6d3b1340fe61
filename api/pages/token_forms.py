"""The form that makes an API token: of a project in the settings, of a person in the account."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from msgspec import Struct

from api.pages.forms import Problem
from controlplane.failures import BadRequest
from controlplane.tokens import TokenDraft

FIELDS = {"Token name": "name", "scope": "scope", "The end": "days"}
SCOPE_OPTIONS = (
    ("read", "Read"),
    ("write", "Read and write"),
    ("admin", "Read, write and administer"),
)
ENDS = (("30", "In 30 days"), ("90", "In 90 days"), ("365", "In a year"), ("", "Never"))
USUAL_END = "90"


class TypedToken(Struct, frozen=True):
    """What was typed into the form, and what is wrong with it, or with the list above it."""

    fields: Mapping[str, str] = {}
    problem: Problem | None = None
    list_problem: Problem | None = None


UNTYPED = TypedToken()


def draft_of(fields: Mapping[str, str]) -> TokenDraft:
    """Return the token that a form asks for; raises `BadRequest`."""
    days = fields.get("days", "")
    if days not in dict(ENDS):
        raise BadRequest("The end must be one of those that the form offers")
    until = datetime.now(UTC) + timedelta(days=int(days)) if days else None
    return TokenDraft(fields.get("name", ""), fields.get("scope", ""), until)


def shown_form(typed: TypedToken) -> dict[str, object]:
    """Return what the template of the form and its list needs."""
    usual = {"name": "", "scope": "read", "days": USUAL_END}
    return {
        "scopes": SCOPE_OPTIONS,
        "ends": ENDS,
        "token": usual | dict(typed.fields),
        "token_problem": typed.problem,
        "token_list_problem": typed.list_problem,
    }
