"""The tree of a trace, whatever its senders say of parents."""

import random
import time

from clickhouse.otel.arranging import BareSpan, Tree, arrange


def bare(span_id: str, parent: str = "", at_us: int = 0) -> BareSpan:
    return BareSpan(span_id, parent, at_us, 0, "otel", span_id, "t")


def drawn(spans: list[BareSpan]) -> list[str]:
    tree = arrange(spans)
    return [
        "-" * depth + spans[number].span_id
        for number, depth in zip(tree.order, tree.depths, strict=True)
    ]


def test_children_follow_their_parent_as_they_began() -> None:
    spans = [bare("c", "a", 3), bare("b", "a", 2), bare("a", "", 1), bare("d", "b", 9)]

    tree = arrange(spans)

    assert drawn(spans) == ["a", "-b", "--d", "-c"]
    assert list(tree.children) == [2, 1, 0, 0]
    assert list(tree.below) == [3, 1, 0, 0]
    assert list(tree.parents) == [-1, 0, 1, 0]


def test_a_span_without_its_parent_is_a_root() -> None:
    assert drawn([bare("a", "", 1), bare("b", "gone", 2), bare("c", "b", 3)]) == ["a", "b", "-c"]


def test_a_ring_begins_with_its_first_span() -> None:
    spans = [bare("b", "a", 2), bare("a", "b", 1), bare("c", "b", 3), bare("d", "d", 4)]

    assert drawn(spans) == ["d", "a", "-b", "--c"]


def test_of_spans_with_one_id_the_first_has_the_children() -> None:
    spans = [bare("a", "", 5), bare("a", "", 1), bare("b", "a", 6)]

    assert drawn(spans) == ["a", "a", "-b"]


def test_every_span_of_a_random_trace_has_one_place_below_its_parent() -> None:
    chance = random.Random(4711)
    for _ in range(300):
        names = [str(number) for number in range(chance.randint(1, 12))]
        spans = [
            bare(name, chance.choice(["", "gone", *names]), chance.randint(0, 5)) for name in names
        ]

        tree = arrange(spans)

        assert sorted(tree.order) == list(range(len(spans)))
        assert_is_a_tree(spans, tree)


def assert_is_a_tree(spans: list[BareSpan], tree: Tree) -> None:
    for place, number in enumerate(tree.order):
        above = tree.parents[place]
        if above >= 0:
            assert spans[tree.order[above]].span_id == spans[number].parent_id
            assert tree.depths[place] == tree.depths[above] + 1
            assert above < place <= above + tree.below[above]
        else:
            assert tree.depths[place] == 0
        assert tree.children[place] == list(tree.parents).count(place)


def test_deep_and_wide_traces_take_time_in_proportion() -> None:
    for spans in (
        [bare(str(n), str(n - 1), n) for n in range(50_000)],
        [bare(str(n), "0", n) for n in range(50_000)],
        [bare(str(n), str((n + 1) % 50_000), n) for n in range(50_000)],
    ):
        begin = time.process_time()

        tree = arrange(spans)

        assert len(tree.order) == 50_000
        # A second on a slow machine; in proportion to the square it would be an hour.
        assert time.process_time() - begin < 20
