"""The tools of agents: by use, failure and duration, beside the time before; single uses of one."""

import asyncio
import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from litestar import Response, get

from api.auth import AnyRequest
from api.pages.arriving import page_with
from api.pages.llm.agents.span import OpenedSpan, open_span
from api.pages.llm.agents.timeline import argument_of
from api.pages.llm.agents.wanted import TOOL_EXAMPLE, TOOL_KEYS, Wanted, wanted_of
from api.pages.parts import charts
from api.pages.parts.charts import spark
from api.pages.parts.filters import chips_of
from api.pages.parts.snippets import agent_snippets_of
from api.pages.parts.texts import change
from api.pages.render import page
from api.pages.viewer import Viewed, Viewer
from api.parameters import Values, invalid, values_of
from api.reads import reader_of
from clickhouse.llm.agent_tools import (
    Order,
    ToolFigures,
    ToolsBeside,
    list_tools,
    list_uses,
    tools_beside,
)

SHOWN_USES = 100
LEAST_BEFORE = 30
"""Uses of the time before, of which a failure rate says something."""
NOISE = 3.0
"""Failures that come by chance are more by so many square roots of their number but rarely."""
SORTS: Mapping[str, tuple[Order, str]] = {
    "slowest": ("slowest", "Slowest"),
    "failed": ("failed", "Failed"),
    "latest": ("latest", "Latest"),
}


class Tool(NamedTuple):
    """One row of the table."""

    figures: ToolFigures
    share: float
    """Of all uses, in percent."""
    failure_rate: float
    """In percent."""
    change: str
    is_worse: bool
    """Whether it fails clearly more often than before."""
    rate_before: float | None
    spark: str


@get("/agents/tools", include_in_schema=False)
async def tools_page(request: AnyRequest, viewer: Viewed) -> Response[Any]:
    """Show the tools of a range, the most used first."""
    wanted = wanted_of(request, viewer, TOOL_KEYS)
    return await page_with(
        request,
        "agents/tools.html",
        _found(request, viewer, wanted),
        wanted=wanted,
        chips=chips_of(wanted.terms, TOOL_KEYS),
        example=TOOL_EXAMPLE,
    )


async def _found(request: AnyRequest, viewer: Viewer, wanted: Wanted) -> dict[str, Any]:
    async with reader_of(request, wanted.project).turn() as store:
        found, beside = await asyncio.gather(
            list_tools(store, wanted.project, wanted.filter),
            tools_beside(
                store, wanted.project, wanted.filter, wanted.before, period=wanted.range.bucket
            ),
        )
    return {
        "tools": tools_of(wanted, found, beside),
        "snippets": [] if found else await agent_snippets_of(request, viewer),
    }


@get("/agents/tools/uses", include_in_schema=False)
async def uses_page(request: AnyRequest, viewer: Viewed) -> Response[str]:
    """Show the slowest, the failed or the latest uses of one tool."""
    values, wanted = values_of(request), wanted_of(request, viewer, TOOL_KEYS)
    tool, order, opened = values.get("tool", ""), _order(values), values.get("open")
    async with reader_of(request, wanted.project).turn() as store:
        uses = await list_uses(
            store, wanted.project, wanted.filter, tool, order=order, limit=SHOWN_USES
        )
        drawer: OpenedSpan | None = None
        if opened:
            drawer = await open_span(store, wanted.project, opened)
    return await page(
        request,
        "agents/uses.html",
        wanted=wanted,
        chips=chips_of(wanted.terms, TOOL_KEYS),
        example=TOOL_EXAMPLE,
        tool=tool,
        order=order,
        sorts=SORTS,
        uses=[(use, argument_of(use.input)) for use in uses],
        is_cut=len(uses) == SHOWN_USES,
        opened=drawer,
        missing=opened if opened and drawer is None else None,
    )


def tools_of(wanted: Wanted, found: list[ToolFigures], beside: ToolsBeside) -> list[Tool]:
    """Returns the rows of the table; open uses are in no comparison."""
    whole = sum(tool.uses for tool in found)
    moments = charts.moments_of(wanted.range)
    rows = []
    for tool in found:
        uses, failed = beside.before.get(tool.tool, (0, 0))
        rate, rate_before = tool.failed / tool.uses * 100, failed / uses * 100 if uses else None
        cells = beside.cells.get(tool.tool, {})
        rows.append(
            Tool(
                figures=tool,
                share=tool.uses / whole * 100,
                failure_rate=rate,
                change=change(tool.uses - tool.still_open, uses),
                is_worse=_is_worse(tool, uses, failed),
                rate_before=rate_before,
                spark=spark([cells.get(at, 0) for at in moments]),
            )
        )
    return rows


def _is_worse(tool: ToolFigures, uses: int, failed: int) -> bool:
    """Tells whether more uses failed than chance would have it, by what failed before."""
    if uses < LEAST_BEFORE:
        return False
    expected = failed / uses * tool.uses
    return tool.failed - expected > NOISE * math.sqrt(expected + 1)


def _order(values: Values) -> Order:
    name = values.get("sort") or "slowest"
    if name not in SORTS:
        raise invalid("sort", f"Expected one of {', '.join(SORTS)}")
    return SORTS[name][0]
