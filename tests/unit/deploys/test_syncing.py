"""Branches are looked at beside each other."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from deploys import syncing
from deploys.checkout import Source
from schemas.deploys.apps import AppConfig, AppSecrets


async def test_a_server_that_does_not_answer_keeps_no_other_project_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config, secrets = AppConfig(repo_url="https://example.com/a"), AppSecrets()
    due = [
        SimpleNamespace(project_id=name, owner=None, config=config, secrets=secrets)
        for name in ("silent", "quick")
    ]
    for one in due:
        one.newest_commit = "a" * 40
    others_turn = asyncio.Event()

    async def take(*_: object) -> list[Any]:
        return due

    async def head(_: object, source: Source) -> str:
        if source.app == "silent":
            await others_turn.wait()
        else:
            others_turn.set()
        return "a" * 40

    async def no(*_: object) -> bool:
        return False

    async def yes(*_: object) -> bool:
        return True

    monkeypatch.setattr(syncing, "take_due_syncs", take)
    monkeypatch.setattr(syncing, "is_waiting", no)
    monkeypatch.setattr(syncing, "remote_head", head)
    at = SimpleNamespace(database=None, vault=None, permit=yes)
    bench = cast("Any", SimpleNamespace(at=at, settings=None))

    async with asyncio.timeout(30):
        assert await syncing.sync_due(bench) == 0
