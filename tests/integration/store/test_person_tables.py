"""What of one table goes with a person, and what stays."""

import uuid

import pytest

from clickhouse.client import Warehouse
from clickhouse.kept_days import API_KEYS, USERS, Leaving, forget_people
from clickhouse.llm.keep_days import Day, build, seal
from clickhouse.persons import Whose, erase_rows, mutation_settings, personal_of
from clickhouse.tags import path_of
from schemas.projects import ProjectId
from schemas.times import from_us
from tests.integration.queries.rows import START_US, encode_traces, make_trace

JANE = "jane.doe@secret.example"
TEMPLATE = """
INSERT INTO prompt_templates (project_id, item_id, prompt, version, timestamp, received_at, text)
SELECT {p:String}, {prompt:String}, {prompt:String}, '1', now64(6), {at:Int64} / 1000000, {text:String}
"""  # noqa: E501
TEXTS = "SELECT prompt, text FROM prompt_templates WHERE project_id = {p:String} ORDER BY prompt"


@pytest.fixture
def whose() -> Whose:
    return Whose(ProjectId(str(uuid.uuid4())), JANE, START_US + 10**9)


async def test_a_template_of_another_prompt_with_the_same_version_stays(
    warehouse: Warehouse, whose: Whose
) -> None:
    for prompt, text in (("greet", f"Greet {JANE}"), ("part", "Say goodbye")):
        values = {"p": whose.project_id, "prompt": prompt, "text": text, "at": START_US}
        warehouse.command_now(TEMPLATE, values, {})

    await erase_rows(warehouse, personal_of("prompt_templates"), whose)

    left = warehouse.query_now(TEXTS, {"p": whose.project_id}, {}).rows
    assert [tuple(row) for row in left] == [("greet", ""), ("part", "Say goodbye")]


async def test_what_runs_of_datasets_say_of_calls_goes_with_the_metadata_that_said_it(
    warehouse: Warehouse, whose: Whose
) -> None:
    names = {"experiment.dataset": "d", "experiment.run": "r"}
    rows = [
        make_trace(
            whose.project_id, who, user_id=who, tags=names | {"experiment.item": f"asked by {who}"}
        )
        for who in (JANE, "bob")
    ]
    warehouse.insert_now("traces", encode_traces(rows), uuid.uuid4().hex)

    for table in ("experiment_calls", "traces"):
        await erase_rows(warehouse, personal_of(table), whose)

    sql = "SELECT item_id FROM experiment_calls WHERE project_id = {p:String}"
    left = warehouse.query_now(sql, {"p": whose.project_id}, {}).rows
    assert [row[0] for row in left] == ["asked by bob"]


async def test_kept_sums_by_key_stay_since_they_name_nobody(
    warehouse: Warehouse, whose: Whose
) -> None:
    """Where the rows of their day are gone, nothing could build them again."""
    rows = [make_trace(whose.project_id, "t", user_id=JANE, tags={"userId": JANE})]
    warehouse.insert_now("traces", encode_traces(rows), uuid.uuid4().hex)
    day = from_us(rows[0].received_at_us).date()
    for number, path in enumerate((USERS, API_KEYS, path_of("userId"))):
        one = Day(whose.project_id, path, day)
        assert await build(warehouse, one, number)
        await seal(warehouse, one, number)

    leaving = Leaving(whose.project_id, JANE, day)
    settings = await mutation_settings(warehouse)
    await forget_people(warehouse, leaving, build=10, settings=settings)

    sql = "SELECT path, requests FROM key_days WHERE project_id = {p:String} AND grain != 'seal'"
    left = warehouse.query_now(sql, {"p": whose.project_id}, {}).rows
    assert [tuple(row) for row in left] == [(API_KEYS, 1)]
