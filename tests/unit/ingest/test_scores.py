"""How requests with scores become items: what is taken, what not, and which sending is which."""

from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from ingest.forms import Split
from ingest.llm import langfuse_batch
from ingest.llm.scores import LANGFUSE, LIST, MANY, PUBLIC, REQUEST, forms, score_ids
from ingest.rejections import BadItems, BadJson, ItemTooLarge
from processors.columns import Unfit
from processors.llm.scores import read_score
from schemas.llm.score_rows import ScoreRow
from schemas.llm.targets import target_of

NOW_US = 1_795_000_000_000_000
TRACE = "5150a94d-0001-4000-8000-000000000001"
OTEL_TRACE, OTEL_SPAN = "5b8efff798038103d269b633813fc60c", "eee19b7ec3c1b174"
GOOD: dict[str, Any] = {"name": "helpfulness", "value": 0.5, "trace_id": TRACE}


def split(sent: object, form: str = MANY, told: Mapping[str, str] | None = None) -> Split:
    body = sent if isinstance(sent, bytes) else msgspec.json.encode(sent)
    return forms()[form].frame(body, told or {}, 1 << 20)


def rejected(sent: Mapping[str, Any], form: str = MANY) -> tuple[str, str]:
    """Returns the field and the rule of a score that is alone in its request."""
    with pytest.raises(BadItems) as caught:
        split(sent, form)
    (issue,) = caught.value.details or ()
    assert issue.path[0] == 0
    return ".".join(map(str, issue.path[1:])), issue.message


def row_of(sent: Mapping[str, Any], form: str = MANY) -> ScoreRow:
    (items,) = split(sent, form).items
    return read_score(items.bodies[0], items.ids[0], NOW_US)


class TestRules:
    @pytest.mark.parametrize(
        ("field", "value", "rule"),
        [
            ("name", "", "1 to 200 of A-Z"),
            ("name", "a" * 201, "1 to 200 of A-Z"),
            ("name", "<b>", "1 to 200 of A-Z"),
            ("name", " blank", "1 to 200 of A-Z"),
            ("name", "blank ", "1 to 200 of A-Z"),
            ("id", "a/b", "1 to 200 of A-Z"),
            ("value", None, "Expected"),
            ("value", [1], "Expected"),
            ("value", 1.1e100, "from -1e100 to 1e100"),
            ("value", -1e308, "from -1e100 to 1e100"),
            ("value", "", "1 to 500 characters"),
            ("value", "x" * 501, "need data_type text"),
            ("source", "user", "one of api, eval, annotation"),
            ("data_type", "stars", "one of numeric, categorical, boolean, text"),
            ("comment", "x" * 10_001, "10000"),
            ("metadata", [], "`object`"),
            ("metadata", {"x": "y" * 20_000}, "16384 bytes"),
            ("timestamp", "yesterday", "with a zone"),
            ("updated_at", "2026-02-30T00:00:00Z", "Invalid ISO datetime"),
        ],
    )
    def test_a_broken_rule_is_said_with_its_field(
        self, field: str, value: object, rule: str
    ) -> None:
        path, message = rejected({**GOOD, field: value})

        assert path == field
        assert rule in message

    @pytest.mark.parametrize(
        ("value", "data_type", "rule"),
        [
            ("yes", "boolean", "true, false, 0 or 1"),
            (2, "boolean", "true, false, 0 or 1"),
            ("1", "numeric", "Expected a number"),
            (True, "numeric", "Expected a number"),
            (1, "categorical", "Expected a text"),
            ("x" * 10_001, "text", "1 to 10000 characters"),
        ],
    )
    def test_a_value_has_to_be_of_its_type(self, value: object, data_type: str, rule: str) -> None:
        path, message = rejected({**GOOD, "value": value, "data_type": data_type})

        assert path == "value"
        assert rule in message

    def test_a_number_beyond_all_numbers_is_no_value(self) -> None:
        with pytest.raises((BadItems, BadJson)):
            split(b'{"name":"a","trace_id":"b","value":1e999}')

    def test_a_score_of_nothing_is_rejected_with_what_it_can_be_of(self) -> None:
        _, message = rejected({"name": "a", "value": 1})

        assert "trace_id, span_id, session_id or user_id" in message

    def test_a_span_of_opentelemetry_needs_its_trace(self) -> None:
        path, message = rejected({"name": "a", "value": 1, "span_id": OTEL_SPAN})

        assert (path, "trace_id too" in message) == ("span_id", True)

    def test_what_is_right_is_taken_beside_what_is_wrong(self) -> None:
        made = split([GOOD, {**GOOD, "value": []}, {**GOOD, "id": "second"}])

        assert len(made.items[0].ids) == 2
        assert score_ids(made.items)[1] == "second"
        assert [(one.number, one.path) for one in made.rejected] == [(1, ("value",))]
        assert [(one.outcome, one.items) for one in made.counted] == [("invalid", 1)]

    @pytest.mark.parametrize("sent", [b"[", b'"text"', b"7", b"\xff"])
    def test_what_is_no_score_at_all_is_rejected(self, sent: bytes) -> None:
        with pytest.raises((BadJson, BadItems)):
            split(sent)

    def test_too_many_and_too_large_are_rejected_whole(self) -> None:
        with pytest.raises(BadItems, match="Validation failed"):
            split([GOOD] * 1_001)
        with pytest.raises(ItemTooLarge):
            split({**GOOD, "metadata": {"x": "y" * (1 << 20)}})


class TestSendings:
    def test_a_score_without_an_id_is_made_one(self) -> None:
        first, second = score_ids(split([GOOD, GOOD]).items)

        assert first != second

    def test_the_same_request_has_the_same_ids_by_its_name(self) -> None:
        once, again = (split([GOOD, GOOD], told={REQUEST: "r1"}).items[0].ids for _ in range(2))
        other = split([GOOD, GOOD], told={REQUEST: "r2"}).items[0].ids

        assert once == again
        assert not set(once) & set(other)
        assert len(set(once)) == 2

    def test_a_dated_score_that_comes_again_is_the_same_sending(self) -> None:
        dated = {**GOOD, "id": "a", "updated_at": "2026-11-21T10:00:00Z"}

        assert split(dated).items[0].ids == split(dated).items[0].ids
        assert split({**dated, "value": 1}).items[0].ids != split(dated).items[0].ids

    def test_an_undated_one_is_another_sending_each_time(self) -> None:
        # Up, down and up again is up: the third must not count as the first one again.
        undated = {**GOOD, "id": "a"}

        assert split(undated).items[0].ids != split(undated).items[0].ids


class TestRows:
    @pytest.mark.parametrize(
        ("value", "data_type", "kept"),
        [
            (0.25, None, ("numeric", 0.25, "")),
            (3, None, ("numeric", 3.0, "")),
            (True, None, ("boolean", 1.0, "true")),
            (0, "boolean", ("boolean", 0.0, "false")),
            ("rude", None, ("categorical", None, "rude")),
            ("a long story", "text", ("text", None, "a long story")),
        ],
    )
    def test_a_value_is_kept_by_its_type(
        self, value: object, data_type: str | None, kept: tuple[object, ...]
    ) -> None:
        row = row_of({**GOOD, "value": value, "data_type": data_type})

        assert (row.data_type, row.value, row.text) == kept

    def test_no_clock_ahead_of_ours_makes_a_score_that_cannot_be_changed(self) -> None:
        row = row_of({**GOOD, "updated_at": "2199-01-01T00:00:00Z"})

        assert row.version_us == NOW_US

    def test_what_it_does_not_say_is_of_when_it_came(self) -> None:
        row = row_of(GOOD)

        assert (row.timestamp_us, row.version_us, row.source) == (NOW_US, NOW_US, "api")

    @pytest.mark.parametrize(
        ("trace_id", "span_id", "kept"),
        [
            (TRACE.upper(), "", (TRACE, "")),
            (OTEL_TRACE.upper(), OTEL_SPAN.upper(), (OTEL_TRACE, OTEL_SPAN)),
            (f"{OTEL_TRACE}-{OTEL_SPAN}", "", (OTEL_TRACE, OTEL_SPAN)),
            ("run 7", "", ("run 7", "")),
        ],
    )
    def test_what_it_is_about_has_one_spelling(
        self, trace_id: str, span_id: str, kept: tuple[str, str]
    ) -> None:
        assert target_of(trace_id, span_id) == kept

    @pytest.mark.parametrize("body", [b"", b"[]", b'{"id":"a"}', b'{"name":"a","value":[]}'])
    def test_what_is_no_score_is_unfit(self, body: bytes) -> None:
        with pytest.raises(Unfit):
            read_score(body, "a:1", NOW_US)


class TestUnknownKeys:
    @pytest.mark.parametrize("key", ["deleted", r"\u0064eleted"])
    @pytest.mark.parametrize("value", ["true", '"x"'])
    def test_no_sender_takes_a_score_away_by_sending_one(self, key: str, value: str) -> None:
        sent = f'{{"name":"a","value":1,"trace_id":"t","{key}":{value}}}'.encode()
        (items,) = split(sent).items

        row = read_score(items.bodies[0], items.ids[0], NOW_US)

        assert (row.deleted, row.name, row.value) == (False, "a", 1.0)


class TestPages:
    def test_a_page_speaks_as_a_user_whatever_it_says(self) -> None:
        row = row_of({**GOOD, "source": "eval", "author": "boss", "user_id": "eve"}, PUBLIC)

        assert (row.source, row.author, row.user_id) == ("user", "", "")

    def test_it_reaches_its_own_scores_alone(self) -> None:
        sent = {**GOOD, "id": "a"}

        (once,), (again,) = (score_ids(split(sent, PUBLIC).items) for _ in range(2))
        (other,) = score_ids(split({**sent, "trace_id": "other"}, PUBLIC).items)

        assert once == again != "a"
        assert other != once

    def test_it_sends_ten_at_most_and_no_long_texts(self) -> None:
        with pytest.raises(BadItems):
            split([GOOD] * 11, PUBLIC)
        assert rejected({**GOOD, "data_type": "text"}, PUBLIC)[0] == "data_type"
        assert rejected({"name": "a", "value": 1, "user_id": "eve"}, PUBLIC)[0] == ""


class TestLangfuse:
    def test_its_fields_become_ours(self) -> None:
        sent = {
            "id": "lf-1",
            "traceId": OTEL_TRACE,
            "observationId": OTEL_SPAN,
            "name": "correct",
            "value": 1,
            "dataType": "BOOLEAN",
            "comment": "yes",
            "environment": "test",
            "metadata": {"by": "judge"},
            "configId": "c",
        }

        row = row_of(sent, LANGFUSE)

        assert (row.score_id, row.trace_id, row.span_id) == ("lf-1", OTEL_TRACE, OTEL_SPAN)
        assert (row.data_type, row.value, row.text) == ("boolean", 1.0, "true")
        assert (row.comment, row.environment, row.metadata) == ("yes", "test", b'{"by":"judge"}')

    @pytest.mark.parametrize(
        ("sent", "name"),
        [
            ("Correctness [GEval]", "Correctness _GEval_"),
            ("antwort-qualität", "antwort-qualit_t"),
            ("(v2) tone ", "v2_ tone"),
        ],
    )
    def test_any_name_is_taken_and_what_none_may_hold_is_replaced(
        self, sent: str, name: str
    ) -> None:
        row = row_of({"name": sent, "value": 1, "traceId": OTEL_TRACE}, LANGFUSE)

        assert row.name == name

    def test_a_name_of_signs_alone_is_rejected(self) -> None:
        field, _ = rejected({"name": "???", "value": 1, "traceId": OTEL_TRACE}, LANGFUSE)

        assert field == "name"

    def test_one_may_say_when_it_was_given(self) -> None:
        sent = {"name": "correct", "value": 1, "traceId": OTEL_TRACE}

        row = row_of({**sent, "timestamp": "2026-11-30T00:00:00Z"}, LANGFUSE)

        assert row.timestamp_us == 1_795_996_800_000_000

    def test_one_of_a_whole_run_is_rejected_with_the_reason(self) -> None:
        field, rule = rejected({"name": "a", "value": 1, "datasetRunId": "first"}, LANGFUSE)

        assert (field, "scores of a run's items" in rule) == ("datasetRunId", True)

    def test_of_a_list_each_score_is_taken_or_rejected_by_itself(self) -> None:
        sent = [{"name": name, "value": 1, "traceId": OTEL_TRACE} for name in ("a", "b")]

        found = split([*sent, {"name": "c", "value": 1}], LANGFUSE)

        assert found.answer_id == LIST
        assert len(score_ids(found.items)) == 2
        assert [one.number for one in found.rejected] == [2]

    def test_a_list_of_which_nothing_is_taken_is_told_what_is_wrong(self) -> None:
        found = split([{"name": "a", "value": 1}], LANGFUSE)

        assert score_ids(found.items) == []
        assert [one.message for one in found.rejected] != []

    def test_a_list_of_more_than_a_thousand_is_rejected(self) -> None:
        with pytest.raises(BadItems):
            split([{"name": "a", "value": 1, "traceId": OTEL_TRACE}] * 1_001, LANGFUSE)


@pytest.mark.parametrize("told", [{}, {REQUEST: "retry-1"}])
@pytest.mark.parametrize("given", [None, "mine:1"])
def test_a_score_is_stored_under_the_id_that_is_answered(
    told: Mapping[str, str], given: str | None
) -> None:
    sent = split([GOOD if given is None else {**GOOD, "id": given}], told=told)

    (items,) = sent.items
    row = read_score(items.bodies[0], items.ids[0], NOW_US)
    assert [row.score_id] == score_ids(sent.items)
    assert given in (None, row.score_id)


@pytest.mark.parametrize("told", [{}, {REQUEST: "retry-1"}])
def test_of_one_score_twice_in_a_request_the_later_one_counts(told: Mapping[str, str]) -> None:
    for _ in range(20):
        (items,) = split([{**GOOD, "id": "a", "value": n} for n in range(3)], told=told).items

        assert sorted(items.ids) == items.ids


@pytest.mark.parametrize("form", [MANY, LANGFUSE])
def test_no_key_gives_the_answer_of_a_reviewer(form: str) -> None:
    about = {"name": "good", "value": 1, "trace_id": TRACE, "traceId": TRACE}
    field, rule = rejected({**about, "id": "annotation.q.i.p"}, form)

    assert (field, rule) == ("id", "Ids that begin with annotation. are those of annotation queues")


def test_a_batch_of_langfuse_gives_none_either_though_the_event_names_it() -> None:
    body = {"name": "good", "value": 1, "traceId": TRACE}
    event = {"id": "annotation.q.i.p", "type": "score-create", "body": body}
    whole = langfuse_batch.forms()[langfuse_batch.BATCH]

    found = whole.frame(msgspec.json.encode({"batch": [event]}), {}, 1 << 20)

    assert [one.message for one in found.rejected if isinstance(one, langfuse_batch.NotTaken)] == [
        "id: Ids that begin with annotation. are those of annotation queues"
    ]


def test_a_page_reaches_no_answer_of_a_reviewer() -> None:
    row = row_of({**GOOD, "id": "annotation.q.i.p"}, PUBLIC)

    assert row.score_id.startswith("user-")
