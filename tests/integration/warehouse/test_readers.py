"""A reader changes no byte of the store and reaches no file and no network, whatever they name:
every setting, format, table function and function of the engine, and what was found by attackers.

One warehouse for all of it. Before and after, every file of the store is the same, a file beside it
was neither changed nor shown, and nobody has called a socket of this machine.
"""

import itertools
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.integration.warehouse.canary import Listeners, snapshot
from tests.integration.warehouse.conftest import READER, WRITER, Served
from tests.integration.warehouse.test_attacks import (
    CALLS_OUT,
    READS_OF_FILES,
    WRITERS_READS_OF_FILES,
    WRITES,
    WRITES_OF_FILES,
)

SECRET = "canary-8c1f"
ENVIRONMENT = "environment-77aa"
ROWS = "SELECT 'ruin' AS s, 1 AS n"
FILES = (
    "output_format_schema", "input_format_record_errors_file_path", "format_schema",
    "format_template_row", "format_template_resultset", "format_template_row_format",
    "format_schema_message_name", "format_avro_schema_registry_url",
    "input_format_allow_errors_num",
    "format_regexp", "format_custom_row_before_delimiter", "output_format_avro_confluent_subject",
    "format_schema_source", "temporary_files_codec", "filesystem_cache_name", "storage_policy",
)  # fmt: skip
"""Settings by which formats open files or call out, in this engine or another."""
TABLE_FUNCTIONS = (
    "{name}('{file}')", "{name}('{file}', 'LineAsString')",
    "{name}('{url}', 'LineAsString', 's String')", "{name}('{url}bucket/key', 'k', 's', 'CSV')",
    "{name}('127.0.0.1:{port}', 'd', 't', 'u', 'p')", "{name}('127.0.0.1:{port}', system.one)",
)  # fmt: skip
Ask = Callable[..., httpx.Response]


class Attack:
    """A warehouse with something in it, one reader, and what must not be reached."""

    def __init__(self, served: Served, beside: Path, listeners: Listeners) -> None:
        self.served = served
        self.beside = beside
        self.listeners = listeners
        self._client = httpx.Client(auth=READER, trust_env=False, verify=False, timeout=60)

    @property
    def inside(self) -> Path:
        """A file of the store, of which the store could not do without."""
        return next(iter(sorted((self.served.store / "store").rglob("*.sql"))))

    def fill(self, text: str) -> str:
        """Puts the places that must not be reached into a statement."""
        places = {
            "file": self.beside,
            "directory": self.beside.parent,
            "out": self.inside,
            "port": self.listeners.port,
            "url": f"http://127.0.0.1:{self.listeners.port}/",
        }
        for name, place in places.items():
            text = text.replace("{" + name + "}", str(place))
        return text

    def ask(self, sql: str, **fields: str) -> httpx.Response:
        """Asks as a reader, and looks that the answer shows nothing."""
        answer = self._client.post(self.served.url, content=sql.encode(), params=fields)
        self._look(answer, sql)
        return answer

    def get(self, sql: str, **fields: str) -> httpx.Response:
        """Asks by GET."""
        answer = self._client.get(self.served.url, params={"query": sql, **fields})
        self._look(answer, sql)
        return answer

    def names(self, table: str) -> list[str]:
        """Returns the names that a table of the engine lists."""
        return self.ask(f"SELECT DISTINCT name FROM system.{table}").text.split()

    def _look(self, answer: httpx.Response, sql: str) -> None:
        secrets = (SECRET, ENVIRONMENT, READER[1], WRITER[1])
        assert [secret for secret in secrets if secret in answer.text.replace(sql, "")] == [], sql


@pytest.fixture(scope="module")
def attack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attack]:
    place = tmp_path_factory.mktemp("readers")
    beside = place / "beside.txt"
    beside.write_text(SECRET)
    served = Served(place, SLUICE_SECRET=ENVIRONMENT, OF_THE_ENVIRONMENT=ENVIRONMENT)
    served.start()
    with Listeners() as listeners:
        served.ask("CREATE TABLE victim (a UInt8) ENGINE = MergeTree ORDER BY a")
        served.ask("INSERT INTO victim VALUES (1)")
        # Its parts would be merged one day: what the engine does of itself is no reader's.
        served.ask("DROP TABLE schema_migrations SYNC")
        yield Attack(served, beside, listeners)
    served.kill_if_running()


@pytest.fixture(autouse=True)
def unharmed(attack: Attack) -> Iterator[None]:
    before, beside = snapshot(attack.served.store), snapshot(attack.beside.parent)

    yield

    assert snapshot(attack.served.store) == before
    known = {name: about for name, about in beside.items() if not name.startswith(("data", "log"))}
    now = snapshot(attack.beside.parent)
    assert {k: v for k, v in now.items() if not k.startswith(("data", "log"))} == known
    assert attack.listeners.called() == []
    assert attack.ask("SELECT count() FROM victim").text == "1\n"


@pytest.mark.slow
def test_by_any_setting_that_names_a_file_or_an_address(attack: Attack) -> None:
    """With every format that is written, by POST and by GET, in the URL and in the statement."""
    targets = [str(attack.inside), str(attack.inside.relative_to(attack.served.store)),
               f"http://127.0.0.1:{attack.listeners.port}/"]  # fmt: skip
    for name, target in itertools.product(FILES, targets):
        for form in ("Protobuf", "CapnProto", "Avro", "Template", "AvroConfluent"):
            attack.ask(f"{ROWS} FORMAT {form} SETTINGS {name} = '{target}'")
        attack.ask(f"{ROWS} FORMAT Protobuf", **{name: target})
        attack.get(f"{ROWS} FORMAT Protobuf", **{name: target})
        attack.ask(f"SET {name} = '{target}'")
        inside = f"SELECT * FROM (SELECT * FROM format(CSV, 'n UInt8', 'x') SETTINGS {name} = "
        attack.ask(f"{inside}'{target}', input_format_allow_errors_num = 9)")


def test_by_what_destroyed_the_store_of_b92ec30(attack: Attack) -> None:
    """The finding itself, on what a reader had to have for it."""
    found = {"output_format_schema": str(attack.inside)}

    by_get = attack.get("SELECT 'ruin' AS s FORMAT Protobuf", **found)
    by_errors = attack.ask(
        "SELECT * FROM format(CSV, 'n UInt8', 'ruin\\n') FORMAT CSV",
        input_format_record_errors_file_path=str(attack.inside),
        input_format_allow_errors_num="9",
    )

    assert {by_get.status_code, by_errors.status_code} & {200} == set()


def test_by_any_format_that_is_written(attack: Attack) -> None:
    for form in attack.names("formats"):
        attack.ask(f"{ROWS} FORMAT {form}")
        attack.ask(f"{ROWS} INTO OUTFILE '{attack.inside}' FORMAT {form}")


def test_by_any_format_that_is_read(attack: Attack) -> None:
    for form in attack.names("formats"):
        attack.ask(f"SELECT * FROM format({form}, 's String', '{attack.beside}')")


@pytest.mark.slow
def test_by_any_table_function(attack: Attack) -> None:
    for name in attack.names("table_functions"):
        for call in TABLE_FUNCTIONS:
            attack.ask(f"SELECT * FROM {attack.fill(call.replace('{name}', name))} LIMIT 1")


@pytest.mark.slow
def test_by_any_table_function_that_opens_a_new_file_of_the_store(attack: Attack) -> None:
    """SQLite makes the file before the engine asks for a grant."""
    new = attack.inside.with_name("new")
    for name in attack.names("table_functions"):
        for sql in (f"SELECT * FROM {name}('{new}', 't')", f"DESCRIBE TABLE `{name}`('{new}', 't')",
                    f"SELECT * FROM view(SELECT * FROM {name}('{new}', 't'))",
                    f"SELECT 1 IN ({name}('{new}', 't'))",
                    f"SELECT * FROM format(Values, 'a Int64', '((SELECT count() FROM {name}("
                    f"\\'{new}\\', \\'t\\')))')",
                    f"SELECT * FROM format(CSV, 'a String DEFAULT (SELECT 1 FROM {name}("
                    f"\\'{new}\\', \\'t\\'))', '')"):  # fmt: skip
            attack.ask(sql)


@pytest.mark.parametrize(
    "call", ["sqlite('new', 't')", "PYTHON(call)", "eval('SELECT 1')", "`url`('http://a/')"]
)
def test_table_functions_that_reach_beyond_the_tables_are_refused_by_name(
    attack: Attack, call: str
) -> None:
    assert "is closed" in attack.ask(f"SELECT * FROM {call}").text


@pytest.mark.slow
def test_by_any_function(attack: Attack) -> None:
    for name in attack.names("functions WHERE NOT is_aggregate AND alias_to = ''"):
        attack.ask(f"SELECT `{name}`('{attack.beside}')")


def test_by_any_table_of_the_engine(attack: Attack) -> None:
    for name in attack.ask("SHOW TABLES FROM system").text.split():
        attack.ask(f"SELECT * FROM system.`{name}` LIMIT 3000")


@pytest.mark.parametrize(
    "statements",
    [WRITES, READS_OF_FILES, WRITERS_READS_OF_FILES, WRITES_OF_FILES, CALLS_OUT],
    ids=["writes", "reads of files", "a writer's", "writes of files", "calls"],
)
def test_by_any_statement_that_is_known(attack: Attack, statements: Iterable[str]) -> None:
    for sql in statements:
        filled = attack.fill(sql.replace("{{", "{").replace("}}", "}"))
        assert attack.ask(filled).status_code >= 400, filled
        attack.get(filled)


def test_by_names_that_must_be_looked_up(attack: Attack) -> None:
    """A name that is resolved leaves the machine as a question to a resolver."""
    for sql in ("SELECT * FROM url('http://canary.example/', 'LineAsString')",
                "SELECT * FROM remote('canary.example', system.one)",
                "SELECT * FROM mysql('canary.example:1', 'a', 'b', 'c', 'd')"):  # fmt: skip
        assert attack.ask(sql).status_code >= 400
