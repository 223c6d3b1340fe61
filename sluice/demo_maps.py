"""Uploads the source map of the demo's script, as `sentry-cli` does."""

import asyncio
import hashlib

from controlplane.database import Database
from controlplane.tokens import TokenDraft, TokenOwner, create_token, revoke_token
from ingest.errors.demo_maps import bundle
from schemas.projects import ProjectId
from sluice.demo_requests import accepted, client_of, post

TOKEN_NAME = "sluice demo"
KNOWN_WITHIN_S = 2.5
"""Each process learns of new source maps within two seconds; events before that stay minified."""
OF_ANY = "/api/0/organizations/sluice"


async def upload_maps(database: Database, project_id: ProjectId, address: str) -> None:
    """Uploads with a token that is revoked afterwards. Raises `CommandError`."""
    owner = TokenOwner(project_id)
    token = await create_token(database, owner, TokenDraft(TOKEN_NAME, "write"))
    try:
        is_new = await asyncio.to_thread(_upload, address, token.plain)
    finally:
        await revoke_token(database, owner, token.token.token_id)
    if is_new:
        await asyncio.sleep(KNOWN_WITHIN_S)


def _upload(address: str, token: str) -> bool:
    """Tells whether the server had no such upload."""
    content = bundle()
    checksum = hashlib.sha1(content, usedforsecurity=False).hexdigest()
    asked = {"checksum": checksum, "chunks": [checksum], "projects": []}
    with client_of(address, {"Authorization": f"Bearer {token}"}) as client:
        told = post(client, f"{OF_ANY}/artifactbundle/assemble/", json=asked)
        accepted(told, 200)
        if told.json()["state"] == "ok":
            return False
        files = {"file": (checksum, content)}
        accepted(post(client, f"{OF_ANY}/chunk-upload/", files=files), 200)
        accepted(post(client, f"{OF_ANY}/artifactbundle/assemble/", json=asked), 200)
    return True
