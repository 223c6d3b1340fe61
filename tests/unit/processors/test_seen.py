import numpy as np

from processors.seen import SeenFilter


def hashes(seed: int, count: int) -> "np.ndarray[tuple[int], np.dtype[np.uint64]]":
    return np.random.default_rng(seed).integers(0, 2**64, size=count, dtype=np.uint64)


def test_a_hash_that_was_added_is_never_called_new() -> None:
    seen = SeenFilter(20)
    added = hashes(1, 200_000)  # twice what the filter is made for

    seen.add(added)

    assert seen.may_contain(added).all()


def test_within_its_capacity_hardly_any_new_hash_is_suspected() -> None:
    seen = SeenFilter(20)

    seen.add(hashes(1, seen.capacity))

    assert seen.may_contain(hashes(2, 100_000)).mean() < 0.02


def test_a_cleared_filter_knows_nothing() -> None:
    seen = SeenFilter(20)
    added = hashes(1, 1_000)
    seen.add(added)

    seen.clear()

    assert not seen.may_contain(added).any()
    assert seen.added == 0
