"""Items of files that people upload."""

import pytest
from msgspec import json

from api.llm.dataset_files import read_items
from controlplane.failures import BadRequest

LINES = b'{"input":{"q":1},"id":"a"}\n\n{"input":"x","expected_output":[2]}\r\n'
TABLE = '\ufeffid,input,expected_output,metadata\r\na,"{""q"":1}",yes,"{""t"":1}"\nb,"1,2",,\n'


def shown(content: bytes, name: str) -> list[tuple[str, object, object]]:
    found = read_items(content, name)
    return [(one.id, json.decode(one.input), json.decode(one.expected_output)) for one in found]


def test_lines_are_items_and_empty_ones_none() -> None:
    assert shown(LINES, "x.jsonl") == [("a", {"q": 1}, None), ("", "x", [2])]


def test_a_table_has_json_or_texts_in_its_cells() -> None:
    assert shown(TABLE.encode(), "X.CSV") == [("a", {"q": 1}, "yes"), ("b", "1,2", None)]
    assert read_items(TABLE.encode(), "x.csv")[0].metadata == {"t": 1}


def test_a_table_without_input_has_its_other_columns_as_one() -> None:
    assert shown(b"question,lang,id\nWhy?,en,7\n", "x.csv") == [
        ("7", {"question": "Why?", "lang": "en"}, None)
    ]


@pytest.mark.parametrize(
    ("content", "name", "says"),
    [
        (b"\xff", "x.jsonl", "UTF-8"),
        (b'{"input":1}\n{"inputs":1}', "x.jsonl", "Line 2"),
        (b"{" * 5000, "x.jsonl", "Line 1"),
        (b"a,b\n1\n", "x.csv", "Line 2"),
        (b"a,b\n1,2,3\n", "x.csv", "Line 2"),
        (b"input,metadata\n1,[]\n", "x.csv", "metadata"),
        (b'input\n"open', "x.csv", "Line"),
        (b'{"input":1}\n' * 10_001, "x.jsonl", "10000"),
    ],
)
def test_what_is_no_file_of_items_is_rejected_with_its_line(
    content: bytes, name: str, says: str
) -> None:
    with pytest.raises(BadRequest, match=says):
        read_items(content, name)


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b'{"input":1}\n\n{"input":1,"id":"a b"}', "x.jsonl"),
        (b"id,input\na,1\n..,1\n", "x.csv"),
    ],
)
def test_an_item_that_may_not_be_is_rejected_with_its_line(content: bytes, name: str) -> None:
    with pytest.raises(BadRequest, match=r"^Line 3: id: expected"):
        read_items(content, name)
