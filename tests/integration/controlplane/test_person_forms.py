"""A person who is erased leaves what people wrote of datasets, prompts and judges."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from controlplane.database import Database
from controlplane.llm.datasets import add_dataset, announce_run, find_dataset, list_known_runs
from controlplane.llm.judges import add_judge, list_judges
from controlplane.llm.prompts import add_version, list_versions
from controlplane.llm.queues import add_queue
from controlplane.person_texts import export_texts
from schemas.llm.annotation import QueueForm, Rule
from schemas.llm.datasets import DatasetForm, RunForm
from schemas.llm.judges import JudgedCalls, JudgeForm, LatencyRule
from schemas.llm.prompts import PromptForm
from schemas.projects import ProjectId
from sluice.erasing import TEXTS, erase_texts
from tests.integration.issues.seen import make_project

ANN = "ann@example.com"
ABOUT: Any = {"description": f"Asked by {ANN}", "metadata": {"by": ANN, "n": [1]}}


@pytest.fixture
async def database(migrated_file: Path, tmp_path: Path) -> AsyncIterator[Database]:
    database = Database(f"sqlite:///{shutil.copy(migrated_file, tmp_path / 'control.db')}")
    yield database
    await database.close()


@pytest.fixture
async def project_id(database: Database) -> ProjectId:
    return await make_project(database)


async def test_datasets_their_runs_and_versions_of_prompts_are_given_away_and_erased(
    database: Database, project_id: ProjectId
) -> None:
    await add_dataset(database, project_id, DatasetForm(name="d", **ABOUT))
    await announce_run(database, project_id, "d", RunForm(name="r", **ABOUT))
    form = PromptForm(name="p", prompt="Hello", message=f"For {ANN}")
    await add_version(database, project_id, form, author=ANN)

    lines = [line async for line in export_texts(database, TEXTS, project_id, ANN)]
    await erase_texts(database, project_id, [], ANN)

    assert [msgspec.json.decode(line)["what"] for line in lines] == [
        *("datasets", "runs of datasets", "versions of prompts")
    ]
    dataset = await find_dataset(database, project_id, "d")
    (run,) = await list_known_runs(database, project_id, "d")
    for one in (dataset, run):
        assert one.description == "Asked by [erased]"
        assert msgspec.json.decode(one.metadata) == {"by": "[erased]", "n": [1]}
    (version,) = await list_versions(database, project_id, "p")
    assert (version.message, version.author) == ("For [erased]", "[erased]")


async def test_judges_of_one_person_go_by_whatever_names_them(
    database: Database, project_id: ProjectId
) -> None:
    for name, calls in (
        ("user", JudgedCalls(user=ANN)),
        ("metadata", JudgedCalls(metadata={"userId": ANN})),
        ("team", JudgedCalls(metadata={"team": ANN})),
        ("all", JudgedCalls()),
    ):
        form = JudgeForm(name=name, rule=LatencyRule(ms=1), calls=calls)
        await add_judge(database, project_id, form)

    await erase_texts(database, project_id, [], ANN)

    assert {one.name for one in await list_judges(database, project_id)} == {"team", "all"}


async def test_texts_of_queues_and_judges_are_named_and_left_to_admins(
    database: Database, project_id: ProjectId
) -> None:
    rules = (Rule(name="good", type="boolean"),)
    queue = QueueForm(name="q", scores=rules, instructions=f"As {ANN} would")
    await add_queue(database, project_id, queue)
    calls = JudgedCalls(metadata={"team": ANN})
    await add_judge(database, project_id, JudgeForm(name="j", rule=LatencyRule(ms=1), calls=calls))

    await erase_texts(database, project_id, [], ANN)

    lines = [line async for line in export_texts(database, TEXTS, project_id, ANN)]
    found = [msgspec.json.decode(line) for line in lines]
    assert [one["what"] for one in found] == ["annotation queues", "judges"]
    assert found[0]["form"]["instructions"] == f"As {ANN} would"
    assert found[1]["form"]["calls"]["metadata"] == {"team": ANN}
