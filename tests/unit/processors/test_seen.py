import threading
from contextlib import suppress

import numpy as np
import pytest

from processors.seen import BITS_AN_ID, SeenFilter

WINDOW_S = 100.0


class Clock:
    """Shows the time that the test says."""

    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def hashes(seed: int, count: int) -> "np.ndarray[tuple[int], np.dtype[np.uint64]]":
    return np.random.default_rng(seed).integers(0, 2**64, size=count, dtype=np.uint64)


def test_a_hash_that_was_added_is_never_called_new() -> None:
    seen = SeenFilter(20, WINDOW_S)
    added = hashes(1, 200_000)  # four times what the filter is made for

    seen.add(added)

    assert seen.may_contain(added).all()


def test_within_its_capacity_hardly_any_new_hash_is_suspected() -> None:
    clock = Clock()
    seen = SeenFilter(20, WINDOW_S, clock)
    capacity = (1 << 19) // BITS_AN_ID

    seen.add(hashes(1, capacity))
    clock.now_s = WINDOW_S
    seen.add(hashes(2, capacity))

    assert seen.fill == pytest.approx(1.0, rel=1e-4)
    assert seen.may_contain(hashes(3, 100_000)).mean() < 0.03


def test_a_hash_is_known_for_a_window_whenever_it_came() -> None:
    clock = Clock()
    seen = SeenFilter(20, WINDOW_S, clock)
    added = {}
    for number in range(70):
        clock.now_s = number * WINDOW_S / 7
        added[clock.now_s] = hashes(number, 10)
        seen.add(added[clock.now_s])

        for then_s, known in added.items():
            if clock.now_s - then_s <= WINDOW_S:
                assert seen.may_contain(known).all()


def test_what_is_older_than_two_windows_is_forgotten() -> None:
    clock = Clock()
    seen = SeenFilter(20, WINDOW_S, clock)
    for number in range(4):
        clock.now_s = number * WINDOW_S
        seen.add(hashes(number, 1_000))

    assert seen.added == 2_000
    assert [seen.may_contain(hashes(n, 1_000)).mean() > 0.5 for n in range(4)] == [
        False, False, True, True,
    ]  # fmt: skip


def test_a_cleared_filter_knows_nothing() -> None:
    seen = SeenFilter(20, WINDOW_S)
    added = hashes(1, 1_000)
    seen.add(added)

    seen.clear()

    assert not seen.may_contain(added).any()
    assert seen.added == 0


def test_two_threads_that_end_a_window_together_forget_nothing() -> None:
    both_look = threading.Barrier(2)

    class Slow(Clock):
        def __call__(self) -> float:
            if self.now_s and threading.current_thread() is not threading.main_thread():
                # Where one may look while the other has not begun the new half, both do.
                with suppress(threading.BrokenBarrierError):
                    both_look.wait(0.2)
            return self.now_s

    clock = Slow()
    seen = SeenFilter(20, WINDOW_S, clock)
    added = hashes(1, 1_000)
    seen.add(added)
    clock.now_s = WINDOW_S

    threads = [threading.Thread(target=seen.add, args=[hashes(n, 10)]) for n in (2, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert seen.may_contain(added).all()
