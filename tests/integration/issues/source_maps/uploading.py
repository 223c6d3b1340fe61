"""Uploads as `sentry-cli` makes them, over the routes and the control plane alone.

`recorded` holds what esbuild 0.28 and `sentry-cli` 3.8 made of a small shop in TypeScript, what the
latter sent for it, and the event that `@sentry/node` 11.12 sent from there.
"""

import hashlib
import io
import json
import zipfile
from functools import cache
from pathlib import Path
from typing import Any

import httpx
from litestar import Litestar
from litestar.datastructures import State

from api.app import exception_handlers, sentry_cli_router
from api.errors.sentry_cli.uploads import Uploads
from controlplane.api_tokens import ApiTokens
from controlplane.database import Database
from controlplane.tokens import TokenDraft, TokenOwner, create_token
from schemas.projects import ProjectId, TokenScope
from sluice.systems import sentry_cli

RECORDED = Path(__file__).parent / "recorded"
SCRIPT = (RECORDED / "app.js").read_bytes()
SOURCE_MAP = (RECORDED / "app.js.map").read_bytes()
DEBUG_ID = "152315f0-be65-56a6-b1c1-0e9729530994"
CHUNKS = "/api/0/organizations/sluice/chunk-upload/"
ASSEMBLE = "/api/0/organizations/sluice/artifactbundle/assemble/"
MULTIPART = {"content-type": "multipart/form-data"}


def node_event() -> dict[str, Any]:
    event: dict[str, Any] = json.loads((RECORDED / "node-event.json").read_text())
    return event


class Cli:
    """Somebody with a token and files."""

    def __init__(self, database: Database, token: str, most_bytes: int) -> None:
        app = _routed()
        app.state = State(
            {
                "database": database,
                "api_tokens": ApiTokens(database),
                "uploads": Uploads(most_bytes),
            }
        )
        self.http = httpx.AsyncClient(
            transport=httpx.ASGITransport(app),  # type: ignore[arg-type]
            base_url="http://localhost",
            headers={"Authorization": f"Bearer {token}"},
        )

    async def send(self, *pieces: bytes) -> list[str]:
        """Sends pieces; returns their names."""
        names = [sha1(one) for one in pieces]
        files = [("file", (sha1(one), one)) for one in pieces]
        answer = await self.http.post(CHUNKS, files=files)
        assert answer.status_code == 200, answer.text
        return names

    async def assemble(self, bundle: bytes, chunks: list[str], **more: Any) -> dict[str, Any]:
        body = {"checksum": sha1(bundle), "chunks": chunks, "projects": [], **more}
        answer = await self.http.post(ASSEMBLE, json=body)
        return {"status": answer.status_code, **answer.json()}

    async def upload(self, bundle: bytes, **more: Any) -> dict[str, Any]:
        """Sends a small bundle as one piece, and has it put together."""
        return await self.assemble(bundle, await self.send(bundle), **more)


@cache
def _routed() -> Litestar:
    return Litestar([sentry_cli_router(sentry_cli())], exception_handlers=exception_handlers())


async def cli_of(
    database: Database,
    project_id: ProjectId | None,
    *,
    scope: TokenScope = "write",
    most_bytes: int = 1 << 20,
) -> Cli:
    """Returns somebody with a token of a project, or the operator."""
    new = TokenDraft(f"cli {scope}", scope)
    made = await create_token(database, TokenOwner(project_id), new)
    return Cli(database, made.plain, most_bytes)


def sha1(content: bytes) -> str:
    return hashlib.sha1(content, usedforsecurity=False).hexdigest()


def bundle_of(
    files: dict[str, tuple[str, bytes, dict[str, str]]], *, manifest: Any = None
) -> bytes:
    """Returns a bundle of files by their addresses: type, content, headers."""
    out = io.BytesIO()
    out.write(b"SYSB\x02\x00\x00\x00")
    entries = {}
    with zipfile.ZipFile(out, "a", zipfile.ZIP_DEFLATED) as archive:
        for number, (url, (kind, content, headers)) in enumerate(files.items()):
            entries[f"files/{number}"] = {"type": kind, "url": url, "headers": headers}
            archive.writestr(f"files/{number}", content)
        if manifest is None:
            manifest = json.dumps({"files": entries})
        if manifest:
            archive.writestr("manifest.json", manifest)
    return out.getvalue()


def shop_bundle(debug_id: str = DEBUG_ID, source_map: bytes = SOURCE_MAP) -> bytes:
    """Returns the script and the map of the shop, with another debug id or map if need be."""
    ids = {"debug-id": debug_id}
    return bundle_of(
        {
            "~/app.js": ("minified_source", SCRIPT, {**ids, "sourcemap": "app.js.map"}),
            "~/app.js.map": ("source_map", source_map, ids),
        }
    )
