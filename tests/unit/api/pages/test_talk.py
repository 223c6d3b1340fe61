"""A conversation as it is shown: folded, rendered and joined, within what a page can afford."""

from api.pages.parts.messages import Message, Part, Said
from api.pages.parts.talk import MOST_NODES, MOST_PROSE, Budget, shown_value, talk_of


def text(said: str) -> Said:
    return Said(Message("user", [Part("text", said)]))


def test_neighbours_of_one_state_are_together() -> None:
    states = ("same", "same", "new", "changed", "same", "")

    groups = talk_of([text("x")._replace(state=state) for state in states], Budget())

    assert [(group.state, len(group.turns)) for group in groups] == [
        ("same", 2), ("new", 1), ("changed", 1), ("same", 1), ("", 1),
    ]  # fmt: skip


def test_the_newest_messages_are_rendered_first_and_older_ones_are_text() -> None:
    many = [text("**bold** " + "word " * 1400) for _ in range(3 * MOST_PROSE // 7000)]

    (group,) = talk_of(many, Budget())

    shapes = [piece.shown.shape for turn in group.turns for piece in turn.pieces if piece.shown]
    assert shapes[-1] == "prose"
    assert shapes[0] == "plain"
    assert shapes == sorted(shapes)
    assert all(turn.pieces[0].shown.preview for turn in group.turns if turn.pieces[0].shown)


def test_json_is_one_line_or_lines_or_a_tree_and_can_be_copied_whole() -> None:
    budget = Budget()

    short = shown_value({"city": "Oslo"}, budget)
    middle = shown_value({f"key {n}": n for n in range(20)}, budget)
    large = shown_value([{"n": n} for n in range(500)], budget)

    assert (short.shape, short.html.count("\n")) == ("code", 0)
    assert (middle.shape, middle.html.count("\n")) == ("code", 21)
    assert large.shape == "tree"
    assert large.source.endswith('{"n":499}]')


def test_trees_of_a_page_are_bounded_together_and_nothing_is_lost() -> None:
    budget = Budget()

    found = [shown_value([{"n": n} for n in range(900)], budget) for _ in range(20)]

    assert budget.nodes > -MOST_NODES
    assert found[-1].shape == "plain"
    assert "899" in found[-1].html


def test_a_result_and_its_call_have_one_number() -> None:
    said = [
        Said(Message("assistant", [Part("call", id="a"), Part("call", id="b")])),
        Said(Message("tool", [Part("result", id="b", value="x"), Part("result", id="c")])),
    ]

    (group,) = talk_of(said, Budget())
    numbers = [piece.number for turn in group.turns for piece in turn.pieces]

    assert numbers == [0, 1, 1, 0]


def test_a_text_is_escaped_in_every_shape() -> None:
    hostile = "<script>window.hit=1</script>"
    values: list[object] = [hostile, {"a": hostile}]
    parts = [Part("text", hostile), *(Part("result", value=value) for value in values)]

    (group,) = talk_of([Said(Message("tool", parts))], Budget())

    for piece in group.turns[0].pieces:
        assert piece.shown is not None
        assert "<script" not in piece.shown.html
