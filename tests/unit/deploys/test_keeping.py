"""What a deployer takes for an app that nobody knows."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from deploys.keeping import Keeper


class App:
    """An app that notes whether it was ended."""

    name = "an instance"
    has_ended = False

    async def end(self) -> None:
        self.has_ended = True


@pytest.mark.parametrize("is_taken_before", [True, False])
async def test_an_app_ends_that_was_there_and_is_unknown_and_no_other(
    monkeypatch: pytest.MonkeyPatch, is_taken_before: bool
) -> None:
    at = SimpleNamespace(database=None)
    keeper = Keeper(cast("Any", SimpleNamespace(at=at, name="here")))
    app = App()

    async def ask(*_: object) -> list[object]:
        if not is_taken_before:
            keeper.take(cast("Any", app))  # by a run, while the control plane answers
        return []

    async def nothing(_: object) -> None:
        return

    monkeypatch.setattr("deploys.keeping.retire_deleted", nothing)
    monkeypatch.setattr("deploys.keeping.list_instances", ask)
    if is_taken_before:
        keeper.take(cast("Any", app))

    await keeper.look(())

    assert app.has_ended is is_taken_before
