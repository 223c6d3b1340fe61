"""A waterfall is laid out by hand-worked values: axis, cuts, critical path, pages."""

import pytest

from api.pages.parts.waterfall import PAGE_ROWS, Row, Waterfall, waterfall_of

SECOND_US = 1_000_000


def row(label: str, start_s: int, end_s: int | None, depth: int = 0, **more: bool) -> Row:
    end_us = None if end_s is None else end_s * SECOND_US
    return Row(label=label, start_us=start_s * SECOND_US, end_us=end_us, depth=depth, **more)


def bars(drawn: Waterfall) -> dict[str, tuple[float, float]]:
    return {line.row.label: (round(line.x), round(line.width)) for line in drawn.lines}


def critical(drawn: Waterfall) -> list[str]:
    return [line.row.label for line in drawn.lines if line.is_critical]


def test_without_a_row_there_is_nothing_to_draw() -> None:
    drawn = waterfall_of([])

    assert (drawn.lines, drawn.pages, drawn.cut_ms) == ([], 1, 0)


def test_bars_stand_where_their_time_is() -> None:
    drawn = waterfall_of([row("a", 10, 20), row("b", 20, 25), row("c", 22, 50)])

    assert bars(drawn) == {"a": (0, 250), "b": (250, 125), "c": (300, 700)}
    assert drawn.ticks == ["0", "8.0 s", "16.0 s", "24.0 s", "32.0 s"]
    assert drawn.cut_ms == 0


def test_a_moment_is_drawn_too_and_within_the_axis() -> None:
    drawn = waterfall_of([row("a", 0, 10), row("end", 10, None)])

    assert bars(drawn) == {"a": (0, 1000), "end": (997, 3)}
    assert drawn.lines[1].took_ms is None


def test_idle_time_takes_a_third_of_the_axis_at_most() -> None:
    """10 s of work, so that an hour of idleness is drawn as 5 s."""
    drawn = waterfall_of([row("a", 0, 4), row("b", 3604, 3610)])

    assert bars(drawn) == {"a": (0, 267), "b": (600, 400)}
    assert [line.gap and line.gap.length_ms for line in drawn.lines] == [None, 3_600_000]
    assert drawn.cut_ms == 3_595_000


def test_short_gaps_keep_their_length_and_long_ones_share_what_is_left() -> None:
    """30 s of work leave 15 s for gaps: 1 s as it is, and 7 s for each of the long ones."""
    rows = [row("a", 0, 10), row("b", 11, 21), row("c", 121, 126), row("d", 1126, 1131)]
    drawn = waterfall_of(rows)

    lengths = [line.gap and line.gap.length_ms / 1000 for line in drawn.lines]
    assert lengths == [None, None, 100, 1000]
    assert bars(drawn)["d"] == (round(40 / 45 * 1000), round(5 / 45 * 1000))


def test_many_short_gaps_are_as_long_as_they_were() -> None:
    """100 s of work in pieces of 1 s, and twice as much idle time, each of it short."""
    drawn = waterfall_of([row(str(at), at, at + 1) for at in range(0, 300, 3)])

    assert [line.gap for line in drawn.lines if line.gap] == []
    assert bars(drawn)["150"][0] == round(150 / 298 * 1000)


def test_whoever_asks_sees_idle_time_as_long_as_it_was() -> None:
    drawn = waterfall_of([row("a", 0, 4), row("b", 96, 100)], cuts=False)

    assert bars(drawn) == {"a": (0, 40), "b": (960, 40)}
    assert [line.gap for line in drawn.lines] == [None, None]


def test_waiting_is_idle_even_within_work_and_a_frame_works_not_itself() -> None:
    """Work is 0 to 2 and 98 to 100; the wait between is drawn as 2 s, the frame holds all 6."""
    rows = [
        row("turn", 0, 100, is_frame=True),
        row("tool", 0, 100, 1),
        row("asks", 2, 98, 1, is_idle=True),
    ]
    drawn = waterfall_of(rows)

    assert bars(drawn) == {"turn": (0, 1000), "tool": (0, 1000), "asks": (333, 333)}
    assert drawn.cut_ms == 94_000


def test_moments_alone_are_cut_where_one_gap_is_far_longer_than_the_usual() -> None:
    drawn = waterfall_of([row(str(at), at, None) for at in (0, 1, 2, 3, 1000)])

    assert bars(drawn)["3"][0] == 500
    assert drawn.lines[4].gap is not None


def test_the_critical_path_is_what_the_end_waited_for() -> None:
    rows = [
        row("whole", 0, 20),
        row("first", 0, 5, 1),
        row("long", 5, 19, 1),
        row("beside", 6, 18, 1),
        row("inner", 7, 19, 2),
        row("early", 5, 7, 2),
        row("last", 19, 20, 1),
    ]
    # `inner` and `early` are in `beside`, which nothing waited for.
    assert critical(waterfall_of(rows)) == ["whole", "first", "long", "last"]


def test_the_critical_path_goes_on_within_what_is_on_it() -> None:
    rows = [
        row("whole", 0, 10),
        row("a", 0, 6, 1),
        row("aa", 1, 6, 2),
        row("b", 0, 4, 1),
        row("c", 6, 10, 1),
    ]
    assert critical(waterfall_of(rows)) == ["whole", "a", "aa", "c"]


@pytest.mark.parametrize(
    ("page", "first", "count"), [(1, "0", 500), (3, "1000", 3), (9, "1000", 3)]
)
def test_from_500_rows_there_are_pages_on_one_axis(page: int, first: str, count: int) -> None:
    rows = [row(str(at), at, at + 1) for at in range(2 * PAGE_ROWS + 3)]
    drawn = waterfall_of(rows, page=page)

    assert (drawn.pages, drawn.rows, len(drawn.lines)) == (3, 1003, count)
    assert drawn.lines[0].row.label == first
    assert round(drawn.lines[0].x) == round(int(first) / 1003 * 1000)
