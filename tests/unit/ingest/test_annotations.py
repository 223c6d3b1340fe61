"""What a person says of an item becomes scores, of which the newest saving tells all."""

from typing import Any

import msgspec

from ingest.llm.annotations import ABOUT, ANNOTATED, About, forms
from processors.llm.scores import read_score
from schemas.llm.annotation import Rule
from schemas.llm.score_rows import ScoreRow

AT_US = 1_800_000_000_000_000
ABOUT_ONE = About(
    queue_id="q",
    item_id="i",
    user_id="u",
    author="ann@example.com",
    rules=(Rule(name="good", type="boolean"), Rule(name="stars", type="numeric")),
    target={"trace_id": "t"},
    revision=0,
)


def saved(at_us: int, **values: Any) -> list[ScoreRow]:
    told = {ABOUT: msgspec.json.encode(ABOUT_ONE).decode()}
    split = forms()[ANNOTATED].frame(msgspec.json.encode({"values": values}), told, 1 << 20)
    (items,) = split.items
    pairs = zip(items.bodies, items.ids, strict=True)
    return [read_score(body, item_id, at_us) for body, item_id in pairs]


def test_what_is_left_out_goes_also_where_a_crash_left_the_scores_of_a_saving_alone() -> None:
    first = saved(AT_US, good=True, stars=4)
    # The process died before it knew that it had saved: it is the first saving once more.
    second = saved(AT_US + 1, good=False)

    newest = {
        one.score_id: one for one in sorted([*first, *second], key=lambda one: one.version_us)
    }
    assert [one.name for one in newest.values() if not one.deleted] == ["good"]
    assert [one.value for one in newest.values() if not one.deleted] == [0.0]


def test_the_same_saving_twice_has_the_same_ids_and_another_has_others() -> None:
    def ids(**values: Any) -> list[str]:
        return [one.item_id for one in saved(AT_US, **values)]

    assert ids(good=True) == ids(good=True)
    assert set(ids(good=True, stars=1)).isdisjoint(ids(good=False, stars=2))
