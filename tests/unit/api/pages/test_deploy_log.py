"""What a page follows of a log, for all who follow the same one."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from api.pages.deploys import log
from controlplane.deploys.rows import Reach
from schemas.projects import ProjectContext, ProjectId


async def test_others_follow_on_when_the_first_one_has_left_the_project(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[Reach] = []

    async def get(_: object, reach: Reach, __: str) -> Any:
        asked.append(reach)
        return SimpleNamespace(project_id="the project")

    async def not_over(*_: object) -> None:
        return

    monkeypatch.setattr(log, "get_deployment", get)
    monkeypatch.setattr(log, "over_since", not_over)
    monkeypatch.setattr(log, "reader_of", lambda *_: SimpleNamespace(next_turn=None))
    monkeypatch.setattr(log, "services", lambda _: SimpleNamespace(database=None))
    project = ProjectContext(ProjectId("the project"))
    viewer = SimpleNamespace(project=project, is_person=True)

    source = log.source_of(cast("Any", None), cast("Any", viewer), "a deployment")

    assert await source.ending() is None
    assert asked == [Reach(user_id=None, project_id=ProjectId("the project"))]
