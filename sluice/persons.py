"""What `sluice person export` does: asks a running server, with a token of its own for as long."""

import sys
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO

import httpx

from controlplane.database import Database
from controlplane.tokens import TokenDraft, TokenOwner, create_token, revoke_token
from schemas.projects import ProjectId
from sluice.commands.errors import CommandError

LIFETIME = timedelta(hours=6)
"""Of the token, should this process be killed."""
TIMEOUT_S = 120.0


async def download(
    database: Database, project_id: ProjectId, person: str, *, address: str, out: Path | None
) -> int:
    """Write what a person has as lines of JSON, and return how many. Raises `CommandError`."""
    owner = TokenOwner(project_id)
    draft = TokenDraft("sluice person export", "admin", datetime.now(UTC) + LIFETIME)
    made = await create_token(database, owner, draft)
    try:
        with ExitStack() as stack:
            file = sys.stdout.buffer if out is None else stack.enter_context(_private(out))
            return await _copy(f"{address}/api/v1/projects/{project_id}", person, made.plain, file)
    except httpx.HTTPError as error:
        raise CommandError(f"{address} does not answer: {error or type(error).__name__}") from error
    finally:
        await revoke_token(database, owner, made.token.token_id)


async def _copy(url: str, person: str, token: str, file: BinaryIO) -> int:
    lines = 0
    async with (
        httpx.AsyncClient(timeout=TIMEOUT_S, trust_env=False) as client,
        client.stream(
            "GET",
            f"{url}/persons/export",
            params={"person": person},
            headers={"Authorization": f"Bearer {token}"},
        ) as answer,
    ):
        if not answer.is_success:
            raise CommandError(f"{answer.status_code}: {(await answer.aread()).decode()[:500]}")
        async for piece in answer.aiter_bytes():
            file.write(piece)
            lines += piece.count(b"\n")
    return lines


def _private(path: Path) -> BinaryIO:
    path.touch(mode=0o600)
    return path.open("wb")
