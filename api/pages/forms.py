"""Forms that browsers send, and what a page says of what is wrong in one."""

from collections.abc import Mapping
from urllib.parse import parse_qs

from msgspec import Struct

from api.auth import AnyRequest
from controlplane.failures import BadRequest, ControlPlaneError
from controlplane.rules import explained

FORM = "application/x-www-form-urlencoded"
MOST_FIELDS = 10


class Problem(Struct, frozen=True):
    """What was wrong with a form, and with which field; of no field, with all of it."""

    text: str
    field: str = ""


def problem_of(error: ControlPlaneError, fields: Mapping[str, str]) -> Problem:
    """Return what was wrong; `fields` says by how its message begins at which field that is."""
    begins = (name for start, name in fields.items() if error.message.startswith(start))
    return Problem(explained(error.message), next(begins, ""))


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
