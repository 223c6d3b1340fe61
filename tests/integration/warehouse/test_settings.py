"""What users may set is a list, and everything else that the engine has is refused by its name."""

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from clickhouse.served.rights import MAY_SET, TABLE_SETTINGS
from tests.integration.warehouse.conftest import READER, WRITER, Served
from tests.integration.warehouse.try_settings import Found

REFUSED = Path(__file__).with_name("refused_settings.txt")
"""Every setting of the pinned engine that is in no list of `clickhouse.served.rights`. Whoever
brings a new engine reads what its new settings do, and puts each here or there."""


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Found:
    path = tmp_path_factory.mktemp("settings") / "warehouse"
    command = [sys.executable, "-m", "tests.integration.warehouse.try_settings", str(path)]
    done = subprocess.run(command, capture_output=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return msgspec.json.decode(done.stdout, type=Found)


def test_every_setting_of_the_engine_is_classified(found: Found) -> None:
    refused = set(REFUSED.read_text(encoding="utf-8").split())

    assert not refused & MAY_SET
    assert set(found.known) - MAY_SET - refused == set(), "new in this engine: allow or refuse"
    assert (MAY_SET | refused) - set(found.known) == set(), "gone from this engine"
    assert TABLE_SETTINGS - set(found.of_tables) == set()


def test_no_other_setting_is_changed_by_set_by_settings_or_in_a_subquery(found: Found) -> None:
    """The URL's settings are SET too."""
    assert found.taken == {"tables": []}


@pytest.mark.parametrize("user", [READER, WRITER], ids=["reader", "writer"])
@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    "name",
    [
        "output_format_schema", "input_format_record_errors_file_path", "format_schema",
        "format_schema_source", "format_avro_schema_registry_url", "format_template_row",
        "format_template_resultset", "readonly", "max_memory_usage_for_user",
        "allow_introspection_functions", "dialect",
    ],
)  # fmt: skip
def test_the_url_sets_nothing_that_is_not_listed(
    served: Served, user: tuple[str, str], method: str, name: str
) -> None:
    value = {"dialect": "kusto", "max_memory_usage_for_user": "0"}.get(name, "1")

    answer = served.request(method, "SELECT 1", user=user, **{name: value})

    assert answer.headers["X-ClickHouse-Exception-Code"] in {"452", "164", "392"}


@pytest.mark.parametrize(
    ("name", "value"),
    [("max_execution_time", 0), ("max_memory_usage", 0), ("max_threads", 1000),
     ("max_block_size", 10**9), ("max_result_bytes", 0), ("max_result_bytes", 10**12)],
)  # fmt: skip
def test_what_bounds_a_call_is_set_within_bounds(served: Served, name: str, value: int) -> None:
    # An answer in JSON is held as a whole; one that is sent by blocks has no bound of its own.
    by_url = served.ask("SELECT 1 FORMAT JSON", user=READER, **{name: value})
    at_the_end = served.ask(f"SELECT 1 FORMAT JSON SETTINGS {name} = {value}", user=READER)
    inside = served.ask(f"SELECT * FROM (SELECT 1 SETTINGS {name} = {value})", user=READER)

    assert {a.status_code for a in (by_url, at_the_end, inside)} & {200} == set()


def test_what_clients_need_is_set_in_the_url_and_in_the_statement(served: Served) -> None:
    sql = "SELECT getSetting('max_result_rows'), getSetting('join_use_nulls') FORMAT CSV"
    settings = {"max_result_rows": 77, "join_use_nulls": 1}

    by_url = served.ask(sql, user=READER, **settings)
    at_the_end = served.ask(f"{sql} SETTINGS max_result_rows = 77, join_use_nulls = 1", user=READER)

    assert by_url.text == at_the_end.text == "77,true\n"
