"""What is read from a statement before the engine gets it."""

import pytest

from clickhouse.served.statements import MAX_HEAD_BYTES, StatementTooLong, read_statement


@pytest.mark.parametrize(
    ("text", "verb"),
    [
        (b"SELECT 1", "SELECT"),
        (b"  -- INSERT\n/* DROP */ select 1", "SELECT"),
        (b"# INSERT\nWITH 1 AS x SELECT x", "WITH"),
        (b"(SELECT 1) UNION ALL (SELECT 2)", "("),
        (b"/* /* */ KILL QUERY WHERE 1", "KILL"),
        (b"; SELECT 1", ""),
        (b"'SELECT' 1", ""),
        (b"\xc2\xa0SELECT 1", ""),
        (b"/* never closed SELECT 1", ""),
        (b"", ""),
    ],
)
def test_the_verb_is_the_first_word_that_counts(text: bytes, verb: str) -> None:
    assert read_statement(text).verb == verb


@pytest.mark.parametrize(
    ("text", "form"),
    [
        (b"SELECT 1 FORMAT CSV", "CSV"),
        (b"SELECT 1 format JSON SETTINGS max_threads = 1", "JSON"),
        (b"SELECT 'x FORMAT CSV'", None),
        (b'SELECT `x FORMAT CSV`, "FORMAT CSV" /* FORMAT CSV */', None),
        (b"SELECT * FROM (SELECT 1 FORMAT CSV)", None),
        (b"SELECT 'it''s \\' FORMAT CSV' FORMAT TSV", "TSV"),
    ],
)
def test_the_format_is_the_one_outside_brackets_and_texts(text: bytes, form: str | None) -> None:
    assert read_statement(text).format == form


@pytest.mark.parametrize(
    ("text", "head", "form", "rows"),
    [
        (b"INSERT INTO t FORMAT CSV\n1,2\n", b"INSERT INTO t ", "CSV", b"1,2\n"),
        (b"INSERT INTO t FORMAT CSV 1,2", b"INSERT INTO t ", "CSV", b"1,2"),
        (b"INSERT INTO t FORMAT Native\r\n\n\x00;", b"INSERT INTO t ", "Native", b"\n\x00;"),
        (b"insert into t (format, v) format TSV\n", b"insert into t (format, v) ", "TSV", b""),
        (b"INSERT INTO t VALUES (1, 'FORMAT CSV')", b"INSERT INTO t ", "Values",
         b" (1, 'FORMAT CSV')"),
        (b"INSERT INTO t FORMAT Values (1)", b"INSERT INTO t ", "Values", b"(1)"),
        (b"INSERT INTO t VALUES (1); DROP TABLE t", b"INSERT INTO t ", "Values",
         b" (1); DROP TABLE t"),
        (b"INSERT INTO t SELECT 1 FORMAT CSV", b"INSERT INTO t SELECT 1 FORMAT CSV", None, None),
    ],
)  # fmt: skip
def test_rows_of_an_insert_are_separated_from_its_text(
    text: bytes, head: bytes, form: str | None, rows: bytes | None
) -> None:
    statement = read_statement(text)

    assert statement[:4] == (head, "INSERT", form, rows)


@pytest.mark.parametrize(
    ("text", "form", "streams"),
    [
        (b"SELECT 1", "TabSeparated", True),
        (b"SELECT 1 FORMAT Native", "JSON", True),
        (b"SELECT 1 FORMAT JSON", "TabSeparated", False),
        (b"SELECT 1 WITH TOTALS", "TSV", False),
        (b"SHOW TABLES", "TSV", False),
        (b"WITH 1 AS x INSERT INTO t SELECT x", "TSV", False),
    ],
)
def test_only_what_may_come_by_blocks_is_streamed(text: bytes, form: str, streams: bool) -> None:
    assert read_statement(text).streams_as(form) is streams


@pytest.mark.parametrize(
    ("text", "head"),
    [
        (b"SELECT 1", b"SELECT 1"),
        (b"INSERT INTO t FORMAT CSV\n1,2\n", b"INSERT INTO t FORMAT CSV"),
        (b"INSERT INTO t VALUES (1), (2", b"INSERT INTO t VALUES"),
        (b"INSERT INTO t FORMAT Values (1)", b"INSERT INTO t FORMAT Values"),
        (b"INSERT INTO t SELECT 1", b"INSERT INTO t SELECT 1"),
    ],
)
def test_the_engine_reads_all_but_rows_before_anything_runs(text: bytes, head: bytes) -> None:
    assert read_statement(text).head == head


def test_a_text_longer_than_any_statement_is_refused() -> None:
    with pytest.raises(StatementTooLong):
        read_statement(b"SELECT " + b"1," * MAX_HEAD_BYTES)
    with pytest.raises(StatementTooLong):
        read_statement(b"INSERT INTO t " + b"x " * MAX_HEAD_BYTES)


def test_rows_may_be_long() -> None:
    rows = b"1\n" * MAX_HEAD_BYTES

    assert read_statement(b"INSERT INTO t FORMAT TSV\n" + rows).rows == rows


@pytest.mark.parametrize(
    ("text", "before", "after"),
    [
        (b"INSERT INTO t (k) FORMAT CSV 1", b"INSERT INTO t (k) ", b""),
        (
            b"INSERT INTO t SETTINGS a = 'SETTINGS c = 1' FORMAT CSV\n1",
            b"INSERT INTO t ",
            b"SETTINGS a = 'SETTINGS c = 1' ",
        ),
        (
            b"INSERT INTO settings (settings) FORMAT CSV 1",
            b"INSERT INTO settings (settings) ",
            b"",
        ),
        (
            b"INSERT INTO t -- SETTINGS a = 1\nFORMAT CSV 1",
            b"INSERT INTO t -- SETTINGS a = 1\n",
            b"",
        ),
    ],
)
def test_rows_of_an_insert_are_read_from_a_file_of_ours(
    text: bytes, before: bytes, after: bytes
) -> None:
    read = before + b"\nFROM INFILE '/rows' " + after + b"\nFORMAT CSV"

    assert read_statement(text).reading_from("/rows") == read
