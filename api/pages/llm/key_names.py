"""What pages call the keys that calls came with."""

from api.auth import AnyRequest, services
from api.pages.llm.wanted import KEYS
from api.pages.parts.filters import Chip, Term, chips_of
from api.pages.viewer import Viewer
from controlplane.key_names import list_key_names
from schemas.llm.answers import TraceAnswer


async def key_names_of(request: AnyRequest, viewer: Viewer) -> dict[str, str]:
    """Returns the names of the project's keys, by their ids."""
    return await list_key_names(services(request).database, viewer.project.project_id)


async def key_names_for(
    request: AnyRequest, viewer: Viewer, row: TraceAnswer | None
) -> dict[str, str]:
    """Returns the same for a call that is shown, nothing where there is none with a key."""
    if row is None or row.api_key is None:
        return {}
    return await key_names_of(request, viewer)


async def chips_with_names(request: AnyRequest, viewer: Viewer, terms: list[Term]) -> list[Chip]:
    """Returns the chips of a filter, in which keys have their names."""
    chips = chips_of(terms, KEYS)
    if all(term.key != "api_key" for term in terms):
        return chips
    names = await key_names_of(request, viewer)
    return [
        chip._replace(text=f"api_key:{names.get(term.value, term.value)}")
        if term.key == "api_key"
        else chip
        for chip, term in zip(chips, terms, strict=True)
    ]
