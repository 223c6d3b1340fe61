"""Who sees some projects alone has all tables of the kinds."""

from clickhouse.grants import TABLES
from schemas.kinds import KINDS


def test_every_table_of_a_kind_is_open_to_who_sees_some_projects() -> None:
    of_kinds = {table.name for kind in KINDS for table in kind.tables}

    assert of_kinds <= set(TABLES)
    assert list(TABLES) == sorted(TABLES)
