"""Judges by rules: which calls they judge, each once, whatever crashes; and how they fare."""

import asyncio
import uuid
from typing import Any

import msgspec
import pytest
from msgspec import Raw
from msgspec.json import encode

from controlplane.database import Database
from controlplane.failures import Unavailable
from controlplane.llm import judge_queue
from controlplane.llm.dataset_items import write_items
from controlplane.llm.datasets import add_dataset
from controlplane.llm.judge_queue import Waiting, drop_words, put_queue
from controlplane.llm.judges import change_judge, list_enabled, list_judges, remove_judge
from processors.llm.judges import by_rules
from processors.llm.judges.candidates import calls_of
from processors.llm.judges.texts import Subject, subject_of
from schemas.llm.answers import TraceAnswer
from schemas.llm.datasets import DatasetForm, ItemForm
from schemas.llm.judges import CallRef, JudgeChange, Rule, share_of
from sluice.erasing import erase_texts
from sluice.judge_words import JudgeWords
from tests.integration.judges.courts import Court, batch_of
from tests.integration.queries.rows import make_trace

POLITE = {"type": "regex", "pattern": "(?i)sorry", "negate": True}


async def test_calls_that_match_are_scored_and_others_are_not(court: Court) -> None:
    calls = {
        "model": "gpt-4o",
        "environment": "live",
        "status": "success",
        "dataset": "d",
        "metadata": {"team": "red"},
    }
    judge = await court.judge("polite", POLITE, calls=calls)
    tags = {"team": "red", "experiment.dataset": "d"}
    fits: dict[str, Any] = {"environment": "live", "tags": tags}
    good, bad = court.call(**fits), court.call("Sorry!", **fits)
    others = [
        court.call(**fits | change)
        for change in (
            {"environment": "test"},
            {"environment": "sluice-judge"},
            {"model_requested": "gpt-4"},
            {"status": "error"},
            {"tags": {"team": "blue", "experiment.dataset": "d"}},
            {"tags": {"team": "red"}},
            {"project_id": str(uuid.uuid4())},
        )
    ]
    await court.queue(judge, good, bad, *others)

    await court.by_rules().work()

    assert await court.scores() == {good.trace_id: True, bad.trace_id: False}
    figures = await court.figures(judge)
    assert (figures.today.scored, figures.queued, figures.stopped) == (2, 0, "")


async def test_a_crash_between_the_verdict_and_the_end_of_the_round_scores_nothing_twice(
    court: Court, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge = await court.judge("polite", POLITE)
    calls = [court.call() for _ in range(3)]
    await court.queue(judge, *calls)

    async def dies(*_: object) -> None:
        raise Unavailable("the connection is lost", retry_after_s=1)

    with monkeypatch.context() as broken:
        broken.setattr(judge_queue, "keep_words", dies)
        with pytest.raises(Unavailable):
            await court.by_rules().work()
    assert await court.scores() == {}
    court.clock.us += judge_queue.LEASE_US + 1
    await court.by_rules().work()

    assert set(await court.scores()) == {one.trace_id for one in calls}
    assert (await court.figures(judge)).today.scored == 3


async def test_a_call_that_meets_a_bug_fails_and_keeps_no_other_waiting(
    court: Court, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge = await court.judge("polite", POLITE)
    calls = [court.call(), court.call("odd"), court.call("deep")]
    await court.queue(judge, *calls)

    def subject(answer: TraceAnswer, expected: Any) -> Subject:
        if answer.output_text in ("odd", "deep"):
            raise ZeroDivisionError if answer.output_text == "odd" else RecursionError
        return subject_of(answer, expected)

    monkeypatch.setattr(by_rules, "subject_of", subject)
    await court.by_rules().work()

    figures = await court.figures(judge)
    assert await court.scores() == {calls[0].trace_id: True}
    assert (figures.today.failed, figures.queued, figures.stopped) == (2, 0, "")


async def test_a_call_whose_item_no_database_could_hold_is_skipped(court: Court) -> None:
    judge = await court.judge("right", {"type": "equals"})
    await add_dataset(court.database, court.project_id, DatasetForm(name="d"))
    for dataset, item in (("d", "a\0"), ("d\0", "a")):
        body = encode({"experiment.dataset": dataset, "experiment.item": item})
        await court.queue(judge, court.call(metadata=body))

    await court.by_rules().work()

    figures = await court.figures(judge)
    assert (figures.today.skipped, figures.queued, figures.stopped) == (2, 0, "")


async def test_a_block_that_comes_again_before_and_after_it_is_judged_gives_the_same_score(
    court: Court,
) -> None:
    judge = await court.judge("polite", POLITE)
    call = court.call()
    for _ in range(2):
        await court.queue(judge, call)
    await court.by_rules().work()
    first = [one.word for one in await court.words()]
    await court.forget_words()

    await court.queue(judge, call)
    await court.by_rules().work()

    again = [one.word for one in await court.words()]
    assert len(first) == len(again) == 1
    # The same score; the same sending too, as no time has passed.
    assert first == again


async def test_two_processes_at_once_judge_each_call_once(court: Court) -> None:
    judge = await court.judge("polite", POLITE)
    calls = [court.call() for _ in range(40)]
    await court.queue(judge, *calls)

    await asyncio.gather(*(court.by_rules().work() for _ in range(3)))

    assert len(await court.scores()) == 40
    assert (await court.figures(judge)).today.scored == 40


async def test_a_judge_that_is_changed_gives_other_scores_and_one_that_is_off_none(
    court: Court,
) -> None:
    judge = await court.judge("polite", POLITE)
    call = court.call()
    await court.queue(judge, call)
    await court.by_rules().work()
    (first,) = await court.words()
    await court.forget_words()
    turned = JudgeChange(rule=judge.rule.__class__(pattern="Paris"))
    changed = await change_judge(court.database, court.project_id, judge.id, turned)
    await court.queue(changed, call)
    await court.by_rules().work()
    (second,) = await court.words()
    off = JudgeChange(enabled=False)
    await change_judge(court.database, court.project_id, judge.id, off)
    await court.queue(changed, court.call())
    await court.by_rules().work()

    assert changed.revision == 2
    assert first.word.item_id != second.word.item_id
    assert len(await court.words()) == 1
    assert (await court.figures(judge)).queued == 1


async def test_failures_and_what_could_not_be_judged_are_counted_with_the_reason(
    court: Court,
) -> None:
    schema = {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/a"}}}
    endless = await court.judge("endless", {"type": "json_schema", "schema": schema})
    expecting = await court.judge("right", {"type": "equals"})
    call = court.call("{}")
    await court.queue(endless, call)
    await court.queue(expecting, call)

    await court.by_rules().work()

    failed, skipped = await court.figures(endless), await court.figures(expecting)
    assert (failed.today.failed, skipped.today.skipped) == (1, 1)
    assert failed.error == "the schema leads to itself without an end"
    assert await court.scores() == {}


async def test_what_is_expected_stands_in_the_call(court: Court) -> None:
    judge = await court.judge("like", {"type": "similarity"})
    call = court.call("abcd", metadata=b'{"experiment.expected":"abxd"}')
    await court.queue(judge, call)

    await court.by_rules().work()

    assert await court.scores() == {call.trace_id: 0.75}


async def test_what_is_expected_is_what_the_item_said_in_the_version_of_the_run(
    court: Court,
) -> None:
    judge = await court.judge("like", {"type": "similarity"})
    name = f"set-{court.project_id}"
    await add_dataset(court.database, court.project_id, DatasetForm(name=name))
    for expected in (b'"abxd"', b'"other"'):
        item = ItemForm(id="one", input=Raw(b'"?"'), expected_output=Raw(expected))
        await write_items(court.database, court.project_id, name, [item])
    said = {"experiment.dataset": name, "experiment.item": "one"}
    first = court.call("abcd", metadata=encode(said | {"experiment.version": "1"}))
    now = court.call("other", metadata=encode(said))
    gone = court.call("abcd", metadata=encode(said | {"experiment.item": "two"}))
    await court.queue(judge, first, now, gone)

    await court.by_rules().work()

    assert await court.scores() == {first.trace_id: 0.75, now.trace_id: 1}


async def test_a_block_is_queued_for_the_judges_whose_calls_it_has_and_sampled_by_the_trace(
    court: Court,
) -> None:
    some = await court.judge("some", POLITE, sampling=0.3, calls={"environment": "live"})
    every = await court.judge("all", POLITE)
    judges = {
        court.project_id: [
            one for one in await list_enabled(court.database) if one.id in (some.id, every.id)
        ]
    }
    rows = [
        make_trace(court.project_id, f"t{n}", environment="live" if n % 2 else "test")
        for n in range(400)
    ]
    rows += [
        make_trace(str(uuid.uuid4()), "other"),
        make_trace(court.project_id, "own", environment="sluice-judge"),
    ]

    found = calls_of(batch_of(*rows), judges)

    assert [one.trace_id for one in found[every.id]] == [f"t{n}" for n in range(400)]
    assert [one.trace_id for one in found[some.id]] == [
        f"t{n}" for n in range(1, 400, 2) if share_of(f"t{n}") < 0.3
    ]
    assert 40 <= len(found[some.id]) <= 80
    assert found[every.id][0].at_us == rows[0].timestamp_us


async def test_calls_for_a_judge_who_is_gone_are_left_out(court: Court) -> None:
    judge = await court.judge("gone", POLITE)
    stays = await court.judge("stays", POLITE)
    await remove_judge(court.database, court.project_id, judge.id)

    waiting = [Waiting(one.id, 1, [CallRef("t", 1)]) for one in (judge, stays)]
    await put_queue(court.database, waiting)

    assert (await court.figures(stays)).queued == 1


async def test_judges_of_a_person_alone_go_when_the_person_is_erased(court: Court) -> None:
    await court.judge("theirs", POLITE, calls={"user": "ann"})
    await court.judge("of all", POLITE)

    for _ in range(2):
        await erase_texts(court.database, court.project_id, [], "ann")

    left = await list_judges(court.database, court.project_id)
    assert [one.name for one in left] == ["of all"]


class FakeLog:
    """Notes what is appended."""

    def __init__(self) -> None:
        self.appended: list[Any] = []

    def partitions(self, _: str) -> int:
        return 1

    async def append(self, chunks: Any) -> dict[Any, int]:
        self.appended += chunks
        return {}


async def test_what_judges_say_comes_into_the_log_once_it_is_said(
    court: Court, database: Database
) -> None:
    await drop_words(database, [one.id for one in await judge_queue.list_words(database, 1000)])
    judge = await court.judge("polite", POLITE)
    await court.queue(judge, court.call())
    await court.by_rules().work()
    (word,) = await court.words()
    log = FakeLog()

    await JudgeWords(database, log).work()  # type: ignore[arg-type]

    ((place, chunk),) = log.appended
    assert place.topic == "raw.scores"
    assert (chunk.project_id, list(chunk.items)) == (court.project_id, [word.word.body])
    assert list(chunk.ids) == [word.word.item_id]
    assert await court.words() == []


async def test_two_changes_at_once_are_both_made(court: Court) -> None:
    judge = await court.judge("polite", POLITE)
    rule = msgspec.convert({"type": "regex", "pattern": "no"}, Rule)
    changes = (JudgeChange(rule=rule), JudgeChange(sampling=0.5), JudgeChange(enabled=False))

    await asyncio.gather(
        *(change_judge(court.database, court.project_id, judge.id, one) for one in changes)
    )

    (changed,) = await list_judges(court.database, court.project_id)
    assert (changed.rule, changed.sampling, changed.enabled) == (rule, 0.5, False)
    assert changed.revision == 2
