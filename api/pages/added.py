"""What the form of a filter bar adds: an address of its own, which has it with the rest."""

from collections.abc import Mapping

from api.auth import AnyRequest
from api.pages.parts.filters import ADDED, WHERE, Key, Term, read_terms, with_term, written
from api.pages.render import address_of, is_fragment
from api.pages.viewer import Moved
from api.parameters import values_of


def take_added(
    request: AnyRequest,
    terms: list[Term],
    keys: Mapping[str, Key],
    *,
    prefixes: tuple[str, ...] = (),
) -> None:
    """Sends a browser that adds conditions to the address that has them with the others."""
    added = values_of(request).get(ADDED)
    if added is None or is_fragment(request):
        return
    text = written(terms)
    for term in read_terms(added, keys, prefixes=prefixes):
        text = with_term(read_terms(text or "", keys, prefixes=prefixes), term, keys)
    raise Moved(address_of(request).here(**{ADDED: None, WHERE: text}, older=None, open=None))
