"""Keys of metadata as paths of a JSON column, and back."""

import pytest

from clickhouse.tags import key_of, path_of


@pytest.mark.parametrize("key", ["", "team", "a.b", "^a", "a.:Int64", "=41", "ünï", "`", "\ud800"])
def test_a_key_comes_back_from_its_path(key: str) -> None:
    assert key_of(path_of(key)) == key
