"""Keys of metadata as paths of a JSON column, and back."""

import pytest

from clickhouse.tags import MOST_KEPT_CHARS, _kept_path, key_of, path_of


@pytest.mark.parametrize("key", ["", "team", "a.b", "^a", "a.:Int64", "=41", "ünï", "`", "\ud800"])
def test_a_key_comes_back_from_its_path(key: str) -> None:
    assert key_of(path_of(key)) == key


def test_long_keys_are_not_kept_in_memory() -> None:
    before = _kept_path.cache_info().currsize

    assert len({path_of(f"{number}" + "k" * MOST_KEPT_CHARS) for number in range(5)}) == 5
    assert _kept_path.cache_info().currsize == before
