"""Forms that browsers send."""

from urllib.parse import parse_qs

from api.auth import AnyRequest
from controlplane.errors import BadRequest

FORM = "application/x-www-form-urlencoded"
MOST_FIELDS = 10


async def fields_of(request: AnyRequest) -> dict[str, str]:
    """Return the fields of a form; of one that comes twice, the last. Raises `BadRequest`."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != FORM:
        raise BadRequest(f"The form must be sent as {FORM}")
    try:
        text = (await request.body()).decode()
        fields = parse_qs(text, keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError as error:
        raise BadRequest("Invalid form") from error
    return {name: values[-1] for name, values in fields.items()}
