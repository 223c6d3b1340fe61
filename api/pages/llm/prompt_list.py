"""The pages of prompts: those that are kept and those seen in traffic; of one its versions, with
their numbers, two of them beside each other. What changes prompts is in `prompt_forms`."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from litestar import Response, get
from msgspec import Struct

from api.auth import AnyRequest, services
from api.pages.arriving import page_with
from api.pages.llm.prompt_charts import MEASURES, chart_of_versions, is_measure
from api.pages.parts.messages import Word
from api.pages.parts.quality_snippets import prompt_snippets
from api.pages.parts.ranges import TimeRange, on_clock, range_of
from api.pages.parts.snippets import snippets_of
from api.pages.parts.wording import Effort, words_of
from api.pages.render import page
from api.pages.viewer import Viewed, Viewer
from api.parameters import Values, invalid, values_of
from api.reads import reader_of
from clickhouse.llm.filters import TraceFilter
from clickhouse.llm.prompt_sums import PromptQuery, sum_prompts
from clickhouse.llm.prompt_templates import read_templates
from clickhouse.queries.outlived import rows_from_of
from controlplane.failures import NotFound
from controlplane.llm.prompts import find_version, list_prompts, list_versions
from schemas.llm.prompt_answers import PromptSums
from schemas.llm.prompts import (
    KeptPrompt,
    PromptLine,
    PromptVersionLine,
    Text,
    is_found,
)
from schemas.projects import ProjectContext

PROMPTS = "/llm/prompts"
NAME_CHARS = 256
VERSION_CHARS = 128
SHOWN_VERSIONS = 200
USUAL = "7d"


class PromptOf(Struct, frozen=True):
    """A prompt in the list: kept, seen in traffic, or both."""

    name: str
    kept: PromptLine | None
    seen: PromptSums | None


class VersionOf(Struct, frozen=True):
    """A version of a prompt: kept, seen in traffic, or both."""

    version: str
    kept: PromptVersionLine | None
    seen: PromptSums | None


class Side(Struct, frozen=True):
    """One of two versions that are compared."""

    version: VersionOf
    text: str | None
    """What it says; `None` where that is not known."""


class Compared(Struct, frozen=True):
    """Two versions beside each other."""

    left: Side
    right: Side
    words: tuple[Word, ...]
    """How the text of the right differs; empty where one is not known."""
    score_names: list[str]


@get(PROMPTS, include_in_schema=False)
async def prompts_page(request: AnyRequest, viewer: Viewed) -> Response[Any]:
    """Show all prompts; with `name`, the versions of one."""
    values = values_of(request)
    shown = range_of(values, viewer.project, default=USUAL)
    name = values.get("name", "")[:NAME_CHARS]
    if not name:
        made = _all(request, viewer, shown)
        return await page_with(request, "llm/prompt_list.html", made, shown=shown, **NO_FORM)
    return await shown_prompt(request, viewer, name)


NO_FORM: Mapping[str, Any] = {"problem": None, "fields": {}}


async def shown_prompt(
    request: AnyRequest, viewer: Viewer, name: str, **form: Any
) -> Response[Any]:
    """Show the versions of one prompt, and perhaps a form that was not taken."""
    values = values_of(request)
    shown = range_of(values, viewer.project, default=USUAL)
    measure = values.get("measure") or MEASURES[0].name
    if not is_measure(measure):
        raise invalid("measure", f"Expected one of {', '.join(one.name for one in MEASURES)}")
    made = _one(request, viewer, shown, name)
    frame = {**NO_FORM, **form, "name": name, "measure": measure, "measures": MEASURES}
    if form:
        whole = frame | await made
        return await page(request, "llm/prompt.html", status_code=400, shown=shown, **whole)
    return await page_with(request, "llm/prompt.html", made, shown=shown, **frame)


async def _all(request: AnyRequest, viewer: Viewer, shown: TimeRange) -> dict[str, Any]:
    project = on_clock(viewer.project, shown)
    kept = await list_prompts(services(request).database, project.project_id)
    seen = await _seen(request, project, shown, None)
    by_name = {one.prompt: one for one in seen}
    found = [PromptOf(one.name, one, by_name.pop(one.name, None)) for one in kept]
    found += [PromptOf(name, None, one) for name, one in by_name.items()]
    answer = {"prompts": found, "rows_from": rows_from_of(project, shown.first_us), "snippets": []}
    if found:
        return answer
    snippets = [*await snippets_of(request, viewer), *prompt_snippets(request)]
    return answer | {"snippets": snippets}


async def _one(request: AnyRequest, viewer: Viewer, shown: TimeRange, name: str) -> dict[str, Any]:
    project, values = on_clock(viewer.project, shown), values_of(request)
    kept, seen = await asyncio.gather(
        _kept_versions(request, project, name), _seen(request, project, shown, name)
    )
    versions = _joined(kept, seen)
    compared, opened = await asyncio.gather(
        _compared(request, project, name, versions),
        _opened(request, project, name, versions, values.get("version", "")),
    )
    measure = values.get("measure") or MEASURES[0].name
    return {
        "versions": versions[:SHOWN_VERSIONS],
        "left_out": max(0, len(versions) - SHOWN_VERSIONS),
        "is_kept": bool(kept),
        "is_found": is_found(name),
        "compared": compared,
        "opened": opened,
        "chart": chart_of_versions(measure, shown, seen) if seen else None,
        "latest": await _latest(request, project, name) if kept else None,
        "snippets": prompt_snippets(request, name) if kept else [],
        "rows_from": rows_from_of(project, shown.first_us),
    }


async def _seen(
    request: AnyRequest, project: ProjectContext, shown: TimeRange, name: str | None
) -> list[PromptSums]:
    wanted = TraceFilter(from_us=shown.first_us, to_us=shown.last_us, prompt=name)
    query = PromptQuery(wanted, shown.bucket if name is not None else None)
    async with reader_of(request, project).turn() as store:
        return await sum_prompts(store, project, query)


async def _kept_versions(
    request: AnyRequest, project: ProjectContext, name: str
) -> list[PromptVersionLine]:
    try:
        return await list_versions(services(request).database, project.project_id, name)
    except NotFound:
        return []


async def _latest(request: AnyRequest, project: ProjectContext, name: str) -> KeptPrompt:
    return await find_version(services(request).database, project.project_id, name, label="latest")


def _joined(kept: Sequence[PromptVersionLine], seen: Sequence[PromptSums]) -> list[VersionOf]:
    """Returns versions that are kept, the newest first, then those seen with most calls."""
    by_version = {one.version or "": one for one in seen}
    found = [
        VersionOf(str(one.version), one, by_version.pop(str(one.version), None)) for one in kept
    ]
    return [*found, *(VersionOf(version, None, one) for version, one in by_version.items())]


async def _compared(
    request: AnyRequest, project: ProjectContext, name: str, versions: Sequence[VersionOf]
) -> Compared | None:
    """Returns the two versions of `left` and `right`, or else the newest two that were seen."""
    values = values_of(request)
    left, right = _chosen(values, versions)
    if left is None or right is None or left is right:
        return None
    old, new = await asyncio.gather(
        _side(request, project, name, left), _side(request, project, name, right)
    )
    words: tuple[Word, ...] = ()
    if old.text is not None and new.text is not None:
        words = await asyncio.to_thread(words_of, old.text, new.text, Effort())
    scores = [one for each in (left, right) if each.seen for one in each.seen.scores]
    return Compared(old, new, words, sorted({one.name for one in scores}))


def _chosen(
    values: Values, versions: Sequence[VersionOf]
) -> tuple[VersionOf | None, VersionOf | None]:
    by_name = {one.version: one for one in versions}
    left, right = (values.get(side, "")[:VERSION_CHARS] for side in ("left", "right"))
    if left or right:
        return by_name.get(left), by_name.get(right)
    newest = sorted(versions, key=_age, reverse=True)[:2]
    return (newest[1], newest[0]) if len(newest) == 2 else (None, None)


def _age(version: VersionOf) -> str:
    """Returns what orders versions by when they first came."""
    if version.kept is not None:
        return version.kept.created_at
    return version.seen.first_seen if version.seen else ""


async def _side(
    request: AnyRequest, project: ProjectContext, name: str, version: VersionOf
) -> Side:
    if version.kept is not None:
        found = await find_version(
            services(request).database,
            project.project_id,
            name,
            version=version.kept.version,
        )
        return Side(version, text_of(found.prompt))
    async with reader_of(request, project).turn() as store:
        texts = await read_templates(store, project, name, [version.version])
    return Side(version, texts.get(version.version) or None)


async def _opened(
    request: AnyRequest,
    project: ProjectContext,
    name: str,
    versions: Sequence[VersionOf],
    wanted: str,
) -> Side | None:
    """Returns the version that is asked for, with what it says."""
    found = next((one for one in versions if one.version == wanted), None)
    if found is None:
        found = versions[0] if versions else None
    return None if found is None else await _side(request, project, name, found)


def text_of(prompt: Text) -> str:
    """Returns what a prompt says as one text: each message of a chat below its role."""
    if isinstance(prompt, str):
        return prompt
    return "\n\n".join(f"{one.role}:\n{one.content}" for one in prompt)
