"""Prompts that a project keeps: numbered versions that never change, and labels that move."""

import time
import uuid
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.database import Database
from controlplane.failures import BadRequest, Conflict, NotFound
from controlplane.llm.prompt_forms import (
    MAX_LABELS,
    Checked,
    checked,
    is_label,
    is_name,
    labels_of,
)
from controlplane.llm.prompt_models import (
    MAX_AUTHOR_CHARS,
    PromptLabelRow,
    PromptRow,
    PromptVersionRow,
)
from controlplane.lookups import live_project, locked_project
from controlplane.rules import as_uuid
from schemas.llm.prompts import (
    LATEST,
    PRODUCTION,
    KeptPrompt,
    PromptForm,
    PromptLine,
    PromptVersionLine,
    Text,
    variables_of,
)
from schemas.projects import ProjectId
from schemas.times import iso_ms

MAX_PROMPTS = 200
MAX_VERSIONS = 1_000


async def add_version(
    database: Database, project_id: ProjectId, form: PromptForm, *, author: str
) -> KeptPrompt:
    """Add a version of a prompt, the first of which makes it.

    Raises `BadRequest`, `Conflict` where there are too many, `NotFound`.
    """
    made, now_us = checked(form), time.time_ns() // 1000
    async with database.session() as session:
        project = await locked_project(session, project_id)
        row = await _find(session, project.id, made.name)
        if row is None:
            row = await _make(session, project.id, made.name, now_us)
        if row.latest >= MAX_VERSIONS:
            raise Conflict(f"A prompt has at most {MAX_VERSIONS} versions")
        row.latest, row.updated_us = row.latest + 1, now_us
        version = _version(row, made, author, now_us)
        session.add(version)
        for label in made.labels:
            await _move(session, row, label, row.latest)
        await session.flush()
        return _kept(row, version, await _labels(session, row))


async def list_prompts(database: Database, project_id: ProjectId) -> list[PromptLine]:
    """Return the prompts of a live project by name; raises `NotFound`."""
    async with database.reading() as session:
        await live_project(session, project_id)
        query = select(PromptRow).where(PromptRow.project_id == as_uuid(project_id))
        rows = list(await session.scalars(query.order_by(PromptRow.name)))
        labels = select(PromptLabelRow).where(PromptLabelRow.prompt_id.in_([r.id for r in rows]))
        found: dict[UUID, dict[str, int]] = {}
        for one in await session.scalars(labels.order_by(PromptLabelRow.label)) if rows else ():
            found.setdefault(one.prompt_id, {})[one.label] = one.number
    return [_line(row, found.get(row.id, {})) for row in rows]


async def list_versions(
    database: Database, project_id: ProjectId, name: str
) -> list[PromptVersionLine]:
    """Return the versions of a prompt, the newest first; raises `NotFound`."""
    columns = (
        PromptVersionRow.number,
        PromptVersionRow.message,
        PromptVersionRow.author,
        PromptVersionRow.created_us,
    )
    async with database.reading() as session:
        row = await _existing(session, project_id, name)
        query = select(*columns).where(PromptVersionRow.prompt_id == row.id)
        found = (await session.execute(query.order_by(PromptVersionRow.number.desc()))).all()
        labels = await _labels(session, row)
    return [
        PromptVersionLine(
            version=number,
            labels=_of(labels, row, number),
            message=message,
            author=author,
            created_at=iso_ms(created_us),
        )
        for number, message, author, created_us in found
    ]


async def find_version(
    database: Database,
    project_id: ProjectId,
    name: str,
    *,
    version: int | None = None,
    label: str | None = None,
) -> KeptPrompt:
    """Return one version; without either that of `production`, or else the newest.

    Raises `NotFound`.
    """
    async with database.reading() as session:
        row = await _existing(session, project_id, name)
        labels = await _labels(session, row)
        number = version
        if number is None:
            wanted = {**labels, LATEST: row.latest}
            number = wanted.get(label or PRODUCTION, None if label else row.latest)
        found = None if number is None else await _numbered(session, row, number)
        if found is None:
            raise NotFound("Prompt version not found")
        return _kept(row, found, labels)


async def set_label(
    database: Database, project_id: ProjectId, name: str, label: str, version: int
) -> KeptPrompt:
    """Move a label to a version; raises `BadRequest` and `NotFound`."""
    (wanted,) = labels_of((label,))
    async with database.session() as session:
        await locked_project(session, project_id)
        row = await _existing(session, project_id, name)
        found = await _numbered(session, row, version)
        if found is None:
            raise NotFound("Prompt version not found")
        await _move(session, row, wanted, version)
        return _kept(row, found, await _labels(session, row))


async def remove_label(database: Database, project_id: ProjectId, name: str, label: str) -> None:
    """Take a label away; raises `NotFound`."""
    async with database.session() as session:
        await locked_project(session, project_id)
        row = await _existing(session, project_id, name)
        held = None
        if is_label(label):
            held = await session.get(PromptLabelRow, (row.id, label))
        if held is None:
            raise NotFound("Label not found")
        await session.delete(held)


async def remove_prompt(database: Database, project_id: ProjectId, name: str) -> None:
    """Remove a prompt with its versions; raises `NotFound`."""
    async with database.session() as session:
        await locked_project(session, project_id)
        await session.delete(await _existing(session, project_id, name))


async def _find(session: AsyncSession, project_id: UUID, name: str) -> PromptRow | None:
    if not is_name(name):
        return None  # nothing has such a name, which may hold what PostgreSQL takes in no text
    query = select(PromptRow).where(PromptRow.project_id == project_id, PromptRow.name == name)
    return (await session.scalars(query)).one_or_none()


async def _existing(session: AsyncSession, project_id: ProjectId, name: str) -> PromptRow:
    project = await live_project(session, project_id)
    row = await _find(session, project.id, name)
    if row is None:
        raise NotFound("Prompt not found")
    return row


async def _make(session: AsyncSession, project_id: UUID, name: str, now_us: int) -> PromptRow:
    query = select(func.count()).where(PromptRow.project_id == project_id)
    if (await session.scalar(query) or 0) >= MAX_PROMPTS:
        raise Conflict(f"A project keeps at most {MAX_PROMPTS} prompts: remove some first")
    row = PromptRow(
        id=uuid.uuid4(),
        project_id=project_id,
        name=name,
        latest=0,
        created_us=now_us,
        updated_us=now_us,
    )
    session.add(row)
    await session.flush()
    return row


def _version(row: PromptRow, made: Checked, author: str, now_us: int) -> PromptVersionRow:
    return PromptVersionRow(
        prompt_id=row.id,
        number=row.latest,
        body=made.body,
        config=made.config,
        message=made.message,
        author=author[:MAX_AUTHOR_CHARS],
        created_us=now_us,
    )


async def _move(session: AsyncSession, row: PromptRow, label: str, number: int) -> None:
    held = await session.get(PromptLabelRow, (row.id, label))
    if held is not None:
        held.number = number
    elif len(await _labels(session, row)) >= MAX_LABELS:
        raise BadRequest(f"labels: a prompt has at most {MAX_LABELS}")
    else:
        session.add(PromptLabelRow(prompt_id=row.id, label=label, number=number))
    await session.flush()


async def _labels(session: AsyncSession, row: PromptRow) -> dict[str, int]:
    query = select(PromptLabelRow.label, PromptLabelRow.number)
    query = query.where(PromptLabelRow.prompt_id == row.id).order_by(PromptLabelRow.label)
    return {label: number for label, number in (await session.execute(query)).all()}  # noqa: C416


async def _numbered(session: AsyncSession, row: PromptRow, number: int) -> PromptVersionRow | None:
    if not 1 <= number <= MAX_VERSIONS:
        return None
    return await session.get(PromptVersionRow, (row.id, number))


def _of(labels: dict[str, int], row: PromptRow, number: int) -> tuple[str, ...]:
    own = [label for label, of in labels.items() if of == number]
    return (*own, *((LATEST,) if number == row.latest else ()))


def _line(row: PromptRow, labels: dict[str, int]) -> PromptLine:
    return PromptLine(
        name=row.name,
        latest=row.latest,
        labels={**labels, LATEST: row.latest},
        created_at=iso_ms(row.created_us),
        updated_at=iso_ms(row.updated_us),
    )


def _kept(row: PromptRow, version: PromptVersionRow, labels: dict[str, int]) -> KeptPrompt:
    prompt: Text = msgspec.json.decode(version.body, type=Text)
    config: dict[str, Any] = msgspec.json.decode(version.config)
    return KeptPrompt(
        name=row.name,
        version=version.number,
        type="text" if isinstance(prompt, str) else "chat",
        prompt=prompt,
        config=config,
        labels=_of(labels, row, version.number),
        variables=variables_of(prompt),
        message=version.message,
        author=version.author,
        created_at=iso_ms(version.created_us),
    )
