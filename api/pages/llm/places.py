"""Where a page of a list goes on, as an address says it."""

import re
from decimal import Decimal

from api.parameters import Values, invalid
from clickhouse.llm.subjects import BY_TIME, SESSION, Listing, Subject
from clickhouse.llm.subjects import Place as SubjectPlace
from clickhouse.llm.trace_lines import Place

RULE = "Expected what a link of this page says"
MOMENT = re.compile(r"-?\d{1,17}", re.ASCII)
WHOLE = re.compile(r"\d{1,30}", re.ASCII)
MONEY = re.compile(r"\d{1,24}(?:\.\d{1,12})?", re.ASCII)
HASHES = 1 << 64


def written(place: Place) -> str:
    """Writes the place of a trace."""
    return f"{place.us}_{place.trace_id}"


def place_of(values: Values, name: str) -> Place | None:
    """Reads the place of a trace. Raises `InvalidParameters`."""
    text = values.get(name)
    return read_place(text, name) if text else None


def read_place(text: str, name: str) -> Place:
    """Reads the place of a trace. Raises `InvalidParameters`."""
    moment, _, trace_id = text.partition("_")
    if not (MOMENT.fullmatch(moment) and trace_id):
        raise invalid(name, RULE)
    return Place(int(moment), trace_id)


def written_subject(place: SubjectPlace) -> str:
    """Writes the place of a session or a user."""
    figure = f"{place.figure:f}" if isinstance(place.figure, Decimal) else place.figure
    return f"{figure}_{place.key}"


def listing_of(values: Values, subject: Subject, orders: tuple[str, ...], *, limit: int) -> Listing:
    """Reads order and place of a list; the first of `orders` is usual. Raises `InvalidParameters`.

    One more than `limit` is asked for, to see whether there are more.
    """
    order = values.get("sort") or orders[0]
    if order not in orders:
        raise invalid("sort", f"Expected one of {', '.join(orders)}")
    text = values.get("older")
    beyond = subject_place(text, subject, order, name="older") if text else None
    return Listing(subject, order, limit + 1, beyond)


def subject_place(text: str, subject: Subject, order: str, *, name: str) -> SubjectPlace:
    """Reads what `written_subject` gave. Raises `InvalidParameters` of the parameter `name`."""
    figure, _, key = text.partition("_")
    kind = MOMENT if order in BY_TIME else MONEY if order == "cost" else WHOLE
    if not kind.fullmatch(figure) or not key:
        raise invalid(name, RULE)
    if subject is not SESSION:
        return SubjectPlace(figure, key)
    if not WHOLE.fullmatch(key) or int(key) >= HASHES:
        raise invalid(name, RULE)
    return SubjectPlace(figure, int(key))
