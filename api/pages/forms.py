"""Forms that browsers send, and what a page says of what is wrong in one."""

from collections.abc import Mapping, Sequence
from urllib.parse import parse_qs

from msgspec import Struct

from api.auth import AnyRequest
from controlplane.failures import BadRequest, ControlPlaneError
from controlplane.rules import explained

FORM = "application/x-www-form-urlencoded"
MOST_FIELDS = 10
MOST_TOLD = 60
"""Characters of a value that are told again."""
ISOLATED = "\u2068{}\u2069"
"""A text whose signs that turn the direction of writing end with it."""


class Problem(Struct, frozen=True):
    """What was wrong with a form, and with which field; of no field, with all of it."""

    text: str
    field: str = ""


def problem_of(
    error: ControlPlaneError,
    fields: Mapping[str, str],
    typed: Mapping[str, Sequence[str]] | None = None,
) -> Problem:
    """Return what was wrong; `fields` says by how its message begins at which field that is.

    With what was `typed`, it is told as people know it: without the name that the field has over
    HTTP, which begins small, and with the value. What is secret is not in it, and is not told.
    """
    message = explained(error.message)
    start = next((one for one in fields if error.message.startswith(one)), None)
    if start is None:
        return Problem(message)
    if typed is not None and start[0].islower() and message.startswith(f"{start}: "):
        values = typed.get(fields[start])
        message = told(message.removeprefix(f"{start}: "), values[-1].strip() if values else None)
    return Problem(message, fields[start])


def told(rule: str, value: str | None) -> str:
    """Return a broken rule as a sentence, with the value that breaks it, or how long that is."""
    sentence = rule[:1].upper() + rule[1:]
    if value is None:
        return f"{sentence}."
    if not value:
        return f"Nothing is typed here. {sentence}."
    if len(value) > MOST_TOLD:
        return f"{sentence}. This has {len(value):,} characters."
    return f"{sentence}, not \u201c{ISOLATED.format(value)}\u201d."


async def fields_of(request: AnyRequest, *, at_most: int = MOST_FIELDS) -> dict[str, str]:
    """Return the fields of a form; of one that comes twice, the last. Raises `BadRequest`."""
    return {name: values[-1] for name, values in (await ticks_of(request, at_most)).items()}


async def typed_word(request: AnyRequest) -> str:
    """Return what was typed to confirm that something is meant for good. Raises `BadRequest`."""
    return (await fields_of(request)).get("confirm", "").strip()


async def ticks_of(request: AnyRequest, at_most: int) -> dict[str, list[str]]:
    """Return the fields of a form in which one may come several times. Raises `BadRequest`."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != FORM:
        raise BadRequest(f"The form must be sent as {FORM}")
    try:
        text = (await request.body()).decode()
        return parse_qs(text, keep_blank_values=True, max_num_fields=at_most)
    except ValueError as error:
        raise BadRequest("Invalid form") from error
