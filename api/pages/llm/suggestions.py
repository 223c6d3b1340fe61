"""How a condition of the filter bar goes on: keys, then the values that there are."""

from litestar import Response, get
from msgspec.structs import replace

from api.auth import AnyRequest
from api.pages.llm.key_names import key_names_of
from api.pages.llm.readings import sums_of
from api.pages.llm.wanted import FIELDS, KEYS, Wanted, filter_of, is_searched, wanted_of
from api.pages.parts.filters import ADDED, TEXT, Term, as_begun
from api.pages.render import page
from api.pages.viewer import Viewed, Viewer
from api.parameters import MOST_KEY_CHARS, values_of
from api.reads import reader_of
from clickhouse.llm.groups import Grouping
from clickhouse.llm.rollups import DIMENSIONS, METADATA
from schemas.projects import ProjectContext

LOOKED_AT = 200
SHOWN = 12

Option = tuple[str, str]
"""A text to put in, and what stands beside it."""


@get("/llm/suggest", include_in_schema=False)
async def suggest(request: AnyRequest, viewer: Viewed) -> Response[str]:
    """Suggest how a condition goes on, with the calls behind each value."""
    begun = values_of(request).get(ADDED, "").strip()
    minus = "-" if begun.startswith("-") else ""
    key, colon, text = begun.removeprefix("-").partition(":")
    wanted = wanted_of(request, viewer)
    if colon:
        options = await values_like(request, viewer, wanted, Term(key, as_begun(text).lower()))
    else:
        options = _keys(key)
    text = as_begun(begun.removeprefix("-"))
    if is_searched(text) and not (colon and key in KEYS):
        options.append((str(Term(TEXT, text)), "in the request, the answer or the error"))
    return await page(request, "llm/suggestions.html", options=options, minus=minus)


def _keys(begun: str) -> list[Option]:
    options = [(f"{key.name}:", key.meaning) for key in KEYS.values()]
    options.append((METADATA, "any key of the metadata"))
    return [option for option in options if begun in option[0]]


async def values_like(
    request: AnyRequest, viewer: Viewer, wanted: Wanted, term: Term
) -> list[Option]:
    """Returns values of a key that have the begun text in them, those of most calls first."""
    key, begun = term.key, term.value
    name = FIELDS.get(key, key)
    is_metadata = key.startswith(METADATA) and key != METADATA and len(key) <= MOST_KEY_CHARS
    if name not in DIMENSIONS and not is_metadata:
        return []
    # Other conditions narrow what is suggested; the one that is being written does not, and a text
    # would have the bodies of all calls read at each key.
    terms = [one for one in wanted.terms if one.key not in (key, TEXT)]
    narrowed = replace(wanted, terms=terms, filter=filter_of(terms, wanted.range))
    project: ProjectContext = wanted.project
    grouping = Grouping((name,), "requests", False, LOOKED_AT)
    async with reader_of(request, project).turn() as store:
        groups = await sums_of(store, narrowed, narrowed.filter, grouping)
    names = await key_names_of(request, viewer) if name == "api_key" else {}
    found = []
    for group in groups:
        text = group.key[name] or ""
        calls, named = f"{group.requests:,} calls", names.get(text, "")
        if text and (begun in text.lower() or begun in named.lower()):
            beside = f"{named}, {calls}" if named else calls
            found.append((str(Term(key, text)), beside))
    return found[:SHOWN]
