import pytest

from processors.errors.source_maps.names import (
    addresses_of,
    is_library,
    map_address,
    source_name,
)
from schemas.errors.source_maps import plain_debug_id


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("https://a.example/static/app.js", "~/static/app.js"),
        ("https://a.example/static/app.js?v=1#x", "~/static/app.js"),
        ("app:///static/app.js", "~/static/app.js"),
        ("/srv/app.js", "~/srv/app.js"),
        ("file:///C:/app.js", "~/C:/app.js"),
        ("app.js", "~/app.js"),
    ],
)
def test_a_script_is_looked_for_without_its_host(path: str, found: str) -> None:
    assert addresses_of(path)[0] == found


@pytest.mark.parametrize("path", ["", "http://[", "x" * 3000])
def test_what_is_no_address_has_no_name(path: str) -> None:
    assert addresses_of(path) == ()


@pytest.mark.parametrize(
    ("script", "reference", "found"),
    [
        ("~/static/app.js", "app.js.map", "~/static/app.js.map"),
        ("~/static/app.js", "../maps/app.js.map", "~/maps/app.js.map"),
        ("~/static/app.js", "/maps/app.js.map", "~/maps/app.js.map"),
        ("~/app.js", "https://cdn.example/app.js.map", "https://cdn.example/app.js.map"),
        ("https://a.example/s/app.js", "app.js.map", "https://a.example/s/app.js.map"),
        ("~/app.js", "data:application/json;base64,e30=", ""),
        ("~/app.js", "", ""),
    ],
)
def test_a_map_is_named_relative_to_its_script(script: str, reference: str, found: str) -> None:
    assert map_address(script, reference) == found


@pytest.mark.parametrize(
    ("path", "name", "library"),
    [
        ("../src/cart.ts", "src/cart.ts", False),
        ("webpack:///./src/cart.ts", "src/cart.ts", False),
        ("webpack:///./node_modules/react/index.js", "node_modules/react/index.js", True),
        ("../node_modules/react/index.js", "node_modules/react/index.js", True),
        ("webpack/bootstrap", "webpack/bootstrap", True),
    ],
)
def test_a_source_has_a_name_and_is_ours_or_not(path: str, name: str, library: bool) -> None:
    assert (source_name(path), is_library(path)) == (name, library)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("152315F0BE6556A6B1C10E9729530994", "152315f0-be65-56a6-b1c1-0e9729530994"),
        ("152315f0-be65-56a6-b1c1-0e9729530994", "152315f0-be65-56a6-b1c1-0e9729530994"),
        ("152315f0-be65-56a6-b1c1-0e972953099", ""),
        ("g" * 32, ""),
        (7, ""),
    ],
)
def test_debug_ids_are_written_in_one_way(text: object, found: str) -> None:
    assert plain_debug_id(text) == found
