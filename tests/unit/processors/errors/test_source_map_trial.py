"""A source map that would end the process that reads it ends another one."""

import json

import pytest

from processors.errors.source_maps.opened import BrokenMap
from processors.errors.source_maps.trial import TOO_MUCH, open_map, try_map
from tests.integration.issues.source_maps.uploading import SCRIPT, SOURCE_MAP

SMALL = b'{"version":3,"sources":["a.ts"],"names":[],"mappings":"AAAA"}'
DEEP = 50_000


def test_a_usual_map_is_opened_with_the_names_of_its_functions() -> None:
    opened = open_map(SOURCE_MAP, SCRIPT)

    before = SCRIPT[: SCRIPT.index(b"throw")].split(b"\n")
    (found,) = opened.positions([(len(before), len(before[-1]) + 1)]).values()
    assert found is not None
    assert found.function
    assert found.path.endswith(".ts")
    assert opened.weight >= 2 * (len(SOURCE_MAP) + len(SCRIPT))


@pytest.mark.parametrize(
    "script",
    [b"(" * DEEP, b"{" * DEEP, b"a=>" * DEEP + b"1", b"!" * DEEP + b"1", b"if(a)" * DEEP + b"b"],
)
def test_a_script_that_is_nested_too_deeply_is_left_out_and_its_map_is_used(script: bytes) -> None:
    with pytest.raises(BrokenMap, match="nested too deeply"):
        try_map(SMALL, script)

    opened = open_map(SMALL, script)

    (found,) = opened.positions([(1, 1)]).values()
    assert found is not None
    assert (found.path, found.line, found.function) == ("a.ts", 1, "")


@pytest.mark.slow
@pytest.mark.parametrize("mappings", ["A," * 30_000_000, ";A" * 25_000_000])
def test_a_map_that_would_take_a_gigabyte_is_not_opened(mappings: str) -> None:
    text = json.dumps({"version": 3, "sources": ["a"], "names": [], "mappings": mappings})

    with pytest.raises(BrokenMap, match=TOO_MUCH):
        open_map(text.encode(), b"")


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b'{"version":3,"mappings":"%"}', b"\0" * 100])
def test_what_is_no_map_says_so(text: bytes) -> None:
    with pytest.raises(BrokenMap) as found:
        open_map(text, b"f()")

    assert str(found.value) not in ("", TOO_MUCH)
