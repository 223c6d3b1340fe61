"""What is said where a project has no such page: a page, with the way to those that it has."""

from typing import NoReturn

from litestar import get
from litestar.params import FromPath

from api.pages.viewer import NoSuchPage, Viewed


@get("/{page:path}", include_in_schema=False)
async def no_page(viewer: Viewed, page: FromPath[str]) -> NoReturn:
    """Say that there is no such page, in the frame of the project."""
    del viewer, page
    raise NoSuchPage
