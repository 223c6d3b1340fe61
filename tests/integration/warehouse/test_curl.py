"""The interface as a person uses it, with curl and by hand."""

import gzip

import lz4.frame
import msgspec
import pytest
import zstandard

from tests.integration.warehouse.conftest import READER, Served, needs_curl

ROWS = "SELECT number FROM numbers(3)"


@needs_curl
class TestCurl:
    def test_ping_needs_no_user(self, served: Served) -> None:
        assert served.curl(f"{served.url}/ping") == b"Ok.\n"

    def test_a_query_is_taken_from_the_url_and_from_the_body(self, served: Served) -> None:
        user = ["-u", ":".join(READER)]

        assert served.curl(*user, f"{served.url}/?query=SELECT%201") == b"1\n"
        assert served.curl(*user, f"{served.url}/", "-d", "SELECT 2") == b"2\n"
        assert served.curl(*user, f"{served.url}/", "--data-binary", "@-", stdin=b"SELECT 3") == (
            b"3\n"
        )

    def test_rows_of_an_insert_come_with_its_query_in_the_url(self, served: Served) -> None:
        served.ask("CREATE TABLE curled (a UInt8, s String) ENGINE = MergeTree ORDER BY a")
        query = "INSERT%20INTO%20curled%20FORMAT%20CSV"

        served.curl(
            "-u", "writer:write:pass,word", f"{served.url}/?query={query}",
            "--data-binary", "@-", stdin=b'1,"a;b"\n2,"INTO OUTFILE"\n',
        )  # fmt: skip

        assert served.value("SELECT s FROM curled ORDER BY a") == "a;b\nINTO OUTFILE"

    def test_an_error_has_code_text_and_status(self, served: Served) -> None:
        answer = served.curl("-i", "-u", ":".join(READER), served.url, "-d", "SELECT nope")

        head, _, body = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 404")
        assert b"x-clickhouse-exception-code: 47" in head.lower()
        assert body.startswith(b"Code: 47. DB::Exception:")


class TestFormats:
    @pytest.mark.parametrize(
        ("form", "expected"),
        [
            ("CSV", "0\n1\n2\n"),
            ("JSONEachRow", '{"number":0}\n{"number":1}\n{"number":2}\n'),
            ("TSVWithNames", "number\n0\n1\n2\n"),
        ],
    )
    def test_a_format_is_taken_from_statement_field_and_header(
        self, served: Served, form: str, expected: str
    ) -> None:
        said = served.ask(f"{ROWS} FORMAT {form}", default_format="XML")
        field = served.ask(ROWS, default_format=form)
        header = served.ask(ROWS, headers={"X-ClickHouse-Format": form})

        assert said.text == field.text == header.text == expected
        assert {a.headers["X-ClickHouse-Format"] for a in (said, field, header)} == {form}

    @pytest.mark.parametrize("form", ["TSV", "CSV", "JSONEachRow", "RowBinary", "Native"])
    def test_what_is_sent_by_blocks_is_what_the_engine_makes_at_once(
        self, served: Served, form: str
    ) -> None:
        rows = "SELECT number, toString(number) AS s FROM numbers(400000)"

        by_blocks = served.ask(f"{rows} FORMAT {form}", max_block_size=50_000)
        # Totals come once, at the end: such an answer is made as a whole.
        at_once = served.ask(f"{rows} /* totals */ FORMAT {form}", max_block_size=50_000)

        assert by_blocks.content == at_once.content
        assert len(by_blocks.content) > 1 << 20

    def test_totals_come_at_their_place(self, served: Served) -> None:
        sql = "SELECT number % 2 AS k, count() FROM numbers(4) GROUP BY k WITH TOTALS ORDER BY k"

        assert served.value(sql) == "0\t2\n1\t2\n\n0\t4"

    def test_an_unknown_format_is_said(self, served: Served) -> None:
        answer = served.ask("SELECT 1 FORMAT Nope")

        assert (answer.status_code, answer.headers["X-ClickHouse-Exception-Code"]) == (404, "73")


class TestFields:
    def test_parameters_come_escaped_as_clickhouse_has_them(self, served: Served) -> None:
        sql = "SELECT {s:String}, {n:Nullable(String)}, {a:Array(String)}, {d:Date} FORMAT JSON"

        answer = served.ask(
            sql, param_s="a\\tb\\\\c'\"", param_n="\\N", param_a="['x','ü']", param_d="2024-02-29"
        )

        row = msgspec.json.decode(answer.content)["data"][0]
        assert list(row.values()) == ["a\tb\\c'\"", None, ["x", "ü"], "2024-02-29"]

    def test_settings_hold_for_their_call_alone(self, served: Served) -> None:
        assert served.value("SELECT getSetting('max_block_size')", max_block_size=77) == "77"
        assert served.value("SELECT getSetting('max_block_size')") != "77"

    def test_an_unknown_setting_is_refused(self, served: Served) -> None:
        answer = served.ask("SELECT 1", no_such_setting=1)

        assert (answer.status_code, answer.headers["X-ClickHouse-Exception-Code"]) == (404, "115")

    @pytest.mark.parametrize("where", ["field", "header"])
    def test_a_database_is_taken_from_field_and_header(self, served: Served, where: str) -> None:
        fields = {"database": "system"} if where == "field" else {}
        headers = {"X-ClickHouse-Database": "system"} if where == "header" else {}

        answer = served.ask("SELECT currentDatabase()", headers=headers, **fields)

        assert answer.text == "system\n"

    def test_an_unknown_database_is_refused(self, served: Served) -> None:
        assert served.ask("SELECT 1", database="n`o").headers["X-ClickHouse-Exception-Code"] == "81"

    def test_the_id_of_a_query_comes_back(self, served: Served) -> None:
        assert served.ask("SELECT 1", query_id="mine").headers["X-ClickHouse-Query-Id"] == "mine"
        assert served.ask("SELECT 1", query_id="a\r\nb").headers["X-ClickHouse-Query-Id"] != "a"

    def test_the_summary_counts_what_was_read_and_written(self, served: Served) -> None:
        served.ask("CREATE TABLE counted (a UInt64) ENGINE = MergeTree ORDER BY a")

        written = served.ask("INSERT INTO counted FORMAT TSV\n1\n2\n3\n")
        read = served.ask("SELECT a FROM counted", wait_end_of_query=1)

        assert _summary(written.headers)["written_rows"] == "3"
        assert _summary(read.headers)["read_rows"] == "3"
        assert _summary(read.headers)["result_rows"] == "3"

    def test_the_zone_of_the_session_is_said(self, served: Served) -> None:
        answer = served.ask("SELECT 1", session_timezone="Asia/Tokyo")

        assert answer.headers["X-ClickHouse-Timezone"] == "Asia/Tokyo"


class TestCompression:
    @pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd"])
    def test_an_answer_comes_in_a_coding_that_the_client_knows(
        self, served: Served, coding: str
    ) -> None:
        answer = served.ask(
            "SELECT number FROM numbers(100000)", headers={"Accept-Encoding": f"nope, {coding}"}
        )

        assert answer.headers["Content-Encoding"] == coding
        assert answer.text.split("\n")[99_999] == "99999"

    def test_a_coding_that_we_do_not_know_is_left_out(self, served: Served) -> None:
        answer = served.ask("SELECT 1", headers={"Accept-Encoding": "snappy, gzip;q=0"})

        assert (answer.text, "Content-Encoding" in answer.headers) == ("1\n", False)

    @pytest.mark.parametrize(
        ("coding", "squeeze"),
        [
            ("gzip", gzip.compress),
            ("zstd", zstandard.ZstdCompressor().compress),
            ("lz4", lz4.frame.compress),
        ],
    )
    def test_rows_may_come_compressed(self, served: Served, coding: str, squeeze: object) -> None:
        table = f"squeezed_{coding}"
        served.ask(f"CREATE TABLE {table} (a UInt64) ENGINE = MergeTree ORDER BY a")
        rows = b"".join(b"%d\n" % n for n in range(50_000))

        served.ask(
            squeeze(rows),  # type: ignore[operator]
            headers={"Content-Encoding": coding},
            query=f"INSERT INTO {table} FORMAT TSV",
        )

        assert served.value(f"SELECT count(), sum(a) FROM {table}") == "50000\t1249975000"

    @pytest.mark.parametrize("coding", ["gzip", "zstd", "lz4", "br"])
    def test_a_body_that_is_not_what_it_says_is_refused(self, served: Served, coding: str) -> None:
        answer = served.ask(b"not compressed at all", headers={"Content-Encoding": coding})

        assert answer.headers["X-ClickHouse-Exception-Code"] == "271"


def test_bytes_that_are_no_text_pass_through(served: Served) -> None:
    served.ask("CREATE TABLE raw (s String) ENGINE = MergeTree ORDER BY s")
    blob = bytes(range(256))

    served.ask(b"INSERT INTO raw FORMAT RowBinary\n\x80\x02" + blob)

    assert served.ask("SELECT s FROM raw FORMAT RowBinary").content == b"\x80\x02" + blob


def test_several_statements_are_one_too_many(served: Served) -> None:
    served.ask("CREATE TABLE several (a UInt8) ENGINE = MergeTree ORDER BY a")

    for sql in ("SELECT 1; SELECT 2", "INSERT INTO several VALUES (1); DROP TABLE several"):
        answer = served.ask(sql)
        assert (answer.status_code, answer.headers["X-ClickHouse-Exception-Code"]) == (400, "62")
    assert served.value("SELECT count() FROM several") == "0"
    assert served.value("SELECT ';' ;") == ";"


def test_an_empty_get_says_that_somebody_is_here(served: Served) -> None:
    assert served.curl(served.url) == b"Ok.\n"


def _summary(headers: object) -> dict[str, str]:
    return msgspec.json.decode(headers["X-ClickHouse-Summary"])  # type: ignore[index]
