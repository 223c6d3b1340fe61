"""Which monitors the list shows: its filter, its order, and what the filter suggests."""

from collections.abc import Iterable, Mapping, Sequence

from litestar import Response, get
from msgspec import Struct

from api.auth import AnyRequest
from api.pages.added import take_added
from api.pages.parts.filters import ADDED, TEXT, WHERE, Key, Term, read_terms
from api.pages.render import page
from api.pages.uptime.fields import TYPE_TITLES
from api.pages.viewer import Viewed
from api.parameters import invalid, values_of
from schemas.uptime.monitors import Monitor

STATES: Mapping[str, str] = {
    "down": "Down",
    "degraded": "Degraded",
    "unknown": "Unknown",
    "maintenance": "Maintenance",
    "up": "Up",
    "paused": "Paused",
}
"""In the order in which people want to see them."""
MOODS: Mapping[str, str] = {
    "up": "ok",
    "degraded": "degraded",
    "down": "down",
    "paused": "paused",
    "maintenance": "paused",
}
"""How a state looks; any other is unknown."""
KEYS: Mapping[str, Key] = {
    key.name: key
    for key in (
        Key("state", "how it is: " + ", ".join(STATES), negates=True),
        Key("type", "what it looks at: " + ", ".join(TYPE_TITLES), negates=True),
        Key("region", "from where it is looked at", negates=True),
        Key(TEXT, "in name or address; words alone do too", negates=True),
    )
}
EXAMPLE = "Filter: state:down, type:http, a word of the name"
SORTS = ("state", "name", "newest")
MOST_TEXT_CHARS = 200


class Wanted(Struct, frozen=True):
    """What an address asks for."""

    terms: list[Term]
    sort: str
    page: int

    def shows(self, monitor: Monitor, state: str) -> bool:
        """Tells whether a monitor fits the filter."""
        return all(_fits(term, monitor, state) != term.is_negated for term in self.terms)


def wanted_of(request: AnyRequest) -> Wanted:
    """Reads an address. Raises `InvalidParameters`."""
    values = values_of(request)
    terms = read_terms(values.get(WHERE, ""), KEYS)
    take_added(request, terms, KEYS)
    if any(term.key == TEXT and not 0 < len(term.value) <= MOST_TEXT_CHARS for term in terms):
        raise invalid(WHERE, f"text: expected 1 to {MOST_TEXT_CHARS} characters")
    sort = values.get("sort") or SORTS[0]
    if sort not in SORTS:
        raise invalid("sort", f"Expected one of {', '.join(SORTS)}")
    number = values.get("page") or "1"
    if not (number.isascii() and number.isdecimal() and len(number) < 6 and int(number)):
        raise invalid("page", "Expected a number from 1 on")
    return Wanted(terms, sort, int(number))


def place_of(monitor: Monitor) -> str:
    """Returns what a monitor looks at, in a line; a secret in its URL is left out."""
    config = monitor.config
    if config.type == "http":
        return _plain_url(config.url)
    if config.type == "heartbeat":
        return "waits to be told"
    host = f"{config.host}:{config.port}" if config.port else config.host
    return f"{config.record_type} {host}" if config.type == "dns" else host


@get("/uptime/monitors/suggest", include_in_schema=False)
async def suggest(request: AnyRequest, viewer: Viewed) -> Response[str]:
    """Suggest how a condition goes on."""
    begun = values_of(request).get(ADDED, "").strip()
    minus = "-" if begun.startswith("-") else ""
    key, colon, text = begun.removeprefix("-").partition(":")
    options: Iterable[tuple[str, str]]
    if colon:
        options = [
            (f"{key}:{name}", title)
            for name, title in {"state": STATES, "type": TYPE_TITLES}.get(key, {}).items()
            if text.lower() in name
        ]
    else:
        options = [(f"{one.name}:", one.meaning) for one in KEYS.values() if key in one.name]
    return await page(request, "llm/suggestions.html", options=options, minus=minus)


def in_order(found: Sequence[tuple[Monitor, str]], sort: str) -> list[tuple[Monitor, str]]:
    """Returns monitors with their states as they are listed."""
    if sort == "newest":
        return sorted(found, key=lambda one: (-one[0].created_us, one[0].monitor_id))
    by_name = sorted(found, key=lambda one: (one[0].config.name.lower(), one[0].monitor_id))
    if sort == "name":
        return by_name
    ranks = list(STATES)
    return sorted(by_name, key=lambda one: ranks.index(one[1]))


def _fits(term: Term, monitor: Monitor, state: str) -> bool:
    value = term.value.lower()
    match term.key:
        case "state":
            return value == state
        case "type":
            return value == monitor.config.type
        case "region":
            return value in monitor.config.regions
    return value in monitor.config.name.lower() or value in place_of(monitor).lower()


def _plain_url(url: str) -> str:
    """Returns an address without what may be secret in it: who signs in, and the query."""
    scheme, _, rest = url.partition("://")
    authority, slash, path = rest.partition("/")
    return f"{scheme}://{authority.rpartition('@')[2]}{slash}{path.partition('?')[0]}"
