"""The words of a search against the indexes that find them."""

from clickhouse.migrate import read_migrations
from clickhouse.texts import (
    INPUT_WORDS,
    MESSAGE_SCRIPT,
    MESSAGE_WORDS,
    TRACE_WORDS,
    in_bodies,
    in_messages,
    words_of,
)


def test_searches_ask_for_exactly_what_is_indexed() -> None:
    (migration,) = [one for one in read_migrations() if one.name.endswith("_search.sql")]
    for name, sql in (
        ("by_words", TRACE_WORDS),
        ("by_input", INPUT_WORDS),
        ("by_words", MESSAGE_WORDS),
        ("by_script", MESSAGE_SCRIPT),
    ):
        assert f"ADD INDEX IF NOT EXISTS {name} {sql}\n" in migration.text


def test_no_word_stands_in_a_statement() -> None:
    terms = ["'; DROP", "gpt-4o", "{x:String}", "世界'", "`x`"]

    for found in (in_messages(terms), in_bodies(terms, TRACE_WORDS, ["request_body"])):
        assert "DROP" not in found.sql
        assert "x:" not in found.sql
        assert "世" not in found.sql


def test_words_are_split_as_the_engine_splits_them() -> None:
    assert words_of("gpt-4o, naïve 世界。x_y") == ["gpt", "4o", "naïve", "世界。x", "y"]
