"""Pages whose figures take a while: the frame is sent first, the figures in the same answer.

A browser shows a page as it comes, without a script. What is found at once is sent as one answer
with its own status. Else the answer has begun when something goes wrong, so its status is 200, and
the page says what is wrong in place of the figures.
"""

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from typing import Any

from litestar import MediaType, Response
from litestar.response import Stream

from api.auth import AnyRequest
from api.pages.problems import answer_to
from api.pages.render import BEGUN, begun, page, rest_of

PATIENCE_S = 0.05
"""A page that is whole after so long appears at once, and does not build up before one's eyes."""
HELD_BACK = "X-Accel-Buffering"
"""nginx keeps an answer until it has some kilobytes of it, unless this says no."""

_finding: set[asyncio.Task[dict[str, Any]]] = set()
"""Tasks that nothing else refers to."""


async def page_with(
    request: AnyRequest,
    template: str,
    found: Coroutine[Any, Any, dict[str, Any]],
    **frame: Any,
) -> Response[Any]:
    """Return a page, whose template extends the layout.

    frame   what its title, tools and the block `asks` show
    found   what its other blocks show beside that
    """
    task = asyncio.create_task(found)
    _finding.add(task)
    task.add_done_callback(_done)
    await asyncio.wait({task}, timeout=PATIENCE_S)
    if task.done():
        return await page(request, template, **frame | task.result())
    head = await page(request, template, is_coming=True, **frame)
    headers = {**head.headers, HELD_BACK: "no"}
    parts = _parts(request, template, head, task, frame)
    return Stream(parts, headers=headers, media_type=MediaType.HTML)


async def _parts(
    request: AnyRequest,
    template: str,
    head: Response[str],
    task: asyncio.Task[dict[str, Any]],
    frame: dict[str, Any],
) -> AsyncGenerator[str]:
    yield begun(head)
    # A viewer who leaves ends no query: it keeps its turn until it is over, as any other.
    try:
        whole = await page(request, template, **frame | await asyncio.shield(task))
    except Exception as error:  # as for an answer that has not begun, all kinds are told
        request.scope["state"][BEGUN] = True
        whole = answer_to(request, error)
    yield rest_of(whole)


def _done(task: asyncio.Task[dict[str, Any]]) -> None:
    _finding.discard(task)
    if not task.cancelled():
        task.exception()  # nobody may be there to be told
