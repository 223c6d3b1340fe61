"""Judges that fail: people are told once, and once more when they work again."""

import asyncio
import uuid

import msgspec
import pytest

from alerts.llm.judges import JudgeTroubles
from controlplane.channels import list_channels, remove_channel
from controlplane.crypto import Vault
from controlplane.failures import Unavailable
from controlplane.llm import judge_queue, judge_troubles
from controlplane.llm.judge_messages import Trouble, trouble_message
from controlplane.llm.judge_troubles import FAILED_CALLS
from controlplane.llm.judges import change_judge, remove_judge
from controlplane.projects import delete_project
from schemas.llm.judges import Judge, JudgeChange, ModelRule
from schemas.messages import Message
from schemas.zones import HOUR_US
from tests.integration.alerts.alerting import MINUTE_US, make_channel, outbox
from tests.integration.judges.courts import Court, answering

VAULT = Vault("a secret of the tests, longer than 32 characters")
HOSTILE = "<!channel> <script>alert(1)</script>\"'\n*"


async def make_hook(court: Court) -> str:
    return await make_channel(court.database, VAULT, court.project_id)


async def told(court: Court) -> list[Message]:
    rows = await outbox(court.database, court.project_id)
    return [msgspec.json.decode(row.payload, type=Message) for row in rows]


async def look(court: Court) -> None:
    """A process that has just come looks."""
    await JudgeTroubles(court.database, court.clock).work()


async def end(court: Court, judge: Judge, *, failed: int = 0, scored: int = 0) -> None:
    """Has a round of a judge end so."""
    counts = judge_queue.Counts(failed=failed, scored=scored)
    ended = judge_queue.Round(
        now_us=court.clock.us,
        next_us=court.clock.us,
        counts=counts,
        has_failed=bool(failed) and not scored,
        error="its answer is empty" if failed else "",
    )
    await court.queue(judge, judge_queue.CallRef(uuid.uuid4().hex, court.clock.us))
    owner = uuid.uuid4().hex
    taken = await judge_queue.take_judge(court.database, owner, court.clock.us, asks_model=False)
    assert taken is not None
    assert await judge_queue.end_round(court.database, judge.id, owner, ended)


async def test_one_that_failed_many_calls_in_a_row_is_told_once_and_so_is_that_it_works(
    court: Court,
) -> None:
    await make_hook(court)
    judge = await court.judge("polite", {"type": "regex", "pattern": "a"})
    counts = []

    for failed, scored in ((FAILED_CALLS - 1, 0), (0, 1), (FAILED_CALLS, 0), (9, 0), (3, 1)):
        court.clock.go_on(1)
        await end(court, judge, failed=failed, scored=scored)
        await look(court)
        counts.append(len(await told(court)))

    assert counts == [0, 0, 1, 1, 2]
    first, last = await told(court)
    assert first.subject == "[Sluice] Judge polite fails"
    assert "its answer is empty" in first.text
    assert "Calls in a row that failed: 20." in first.text
    body = msgspec.json.decode(first.body)
    assert (body["type"], body["judge_id"], body["failed_calls"]) == ("judge.failing", judge.id, 20)
    assert (last.subject, last.action) == ("[Sluice] Judge polite works again", "resolve")
    assert last.incident_key == first.incident_key
    assert msgspec.json.decode(last.body)["type"] == "judge.working"


async def test_one_whose_model_does_not_answer_for_a_quarter_of_an_hour_is_told(
    court: Court,
) -> None:
    await make_hook(court)
    judge = await court.model_judge()
    async with answering() as model:
        model.fails(500)
        await court.queue(judge, court.call())
        for minutes in (0, 14, 2):
            court.clock.us += minutes * MINUTE_US
            await court.by_models(model).work()
            await look(court)
            assert len(await told(court)) == (1 if minutes == 2 else 0)
        assert "the model does not answer: it answers 500" in (await told(court))[0].text

        model.answers.clear()
        model.says(1)
        court.clock.us += 11 * MINUTE_US
        await court.by_models(model).work()
        await look(court)

    assert [one.tone for one in await told(court)] == ["bad", "good"]


async def test_one_whose_limit_is_reached_is_told_while_calls_wait(court: Court) -> None:
    await make_hook(court)
    judge = await court.model_judge(max_calls_day=1)
    court.clock.us += 36 * HOUR_US - court.clock.us % (24 * HOUR_US)  # noon: no day ends meanwhile
    async with answering() as model:
        model.says(1)
        for _ in range(2):
            await court.queue(judge, court.call())
        await court.by_models(model).work()
        await look(court)
        assert await told(court) == []

        for _ in range(17):
            court.clock.us += MINUTE_US
            await court.by_models(model).work()
        await look(court)

    (message,) = await told(court)
    assert "its limit of 1 calls a day is reached" in message.text


async def test_without_a_channel_nobody_is_told_until_there_is_one(court: Court) -> None:
    judge = await court.judge("polite", {"type": "regex", "pattern": "a"})
    await end(court, judge, failed=FAILED_CALLS)
    await look(court)
    assert await told(court) == []

    channel_id = await make_hook(court)
    await look(court)
    assert len(await told(court)) == 1
    await remove_channel(court.database, court.project_id, channel_id)
    await end(court, judge, scored=1)
    await look(court)

    await make_hook(court)
    await look(court)
    assert await told(court) == []
    assert len(await list_channels(court.database, court.project_id)) == 1


async def test_a_crash_while_it_is_told_leaves_nothing_half_told_and_two_tell_it_once(
    court: Court, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        await make_hook(court)
    judge = await court.judge("polite", {"type": "regex", "pattern": "a"})
    await end(court, judge, failed=FAILED_CALLS)

    async def dies(*_: object) -> None:
        raise Unavailable("the connection is lost", retry_after_s=1)

    with monkeypatch.context() as broken:
        broken.setattr(judge_troubles, "_put_out", dies)
        with pytest.raises(Unavailable):
            await look(court)
    assert await told(court) == []
    await asyncio.gather(*(look(court) for _ in range(3)))

    # One message to each channel.
    assert len(await told(court)) == 2


async def test_one_that_is_turned_off_is_told_once_to_be_over_and_begins_anew(
    court: Court,
) -> None:
    await make_hook(court)
    judge = await court.judge("polite", {"type": "regex", "pattern": "a"})
    await end(court, judge, failed=FAILED_CALLS)
    await look(court)

    for enabled in (False, True):
        change = JudgeChange(enabled=enabled)
        await change_judge(court.database, court.project_id, judge.id, change)
        court.clock.go_on(1)
        await look(court)

    first, last = await told(court)
    assert (last.subject, last.action) == ("[Sluice] Judge polite is off", "resolve")
    assert (first.action, last.incident_key) == ("trigger", first.incident_key)
    assert msgspec.json.decode(last.body)["type"] == "judge.off"


@pytest.mark.parametrize("goes", ["judge", "project"])
async def test_one_that_is_removed_or_whose_project_goes_is_told_once_to_be_over(
    court: Court, goes: str
) -> None:
    await make_hook(court)
    judge = await court.judge("polite", {"type": "regex", "pattern": "a"})
    await court.judge("silent", {"type": "regex", "pattern": "a"})
    await end(court, judge, failed=FAILED_CALLS)
    await look(court)

    if goes == "judge":
        await remove_judge(court.database, court.project_id, judge.id)
    else:
        await delete_project(court.database, court.project_id)
    for _ in range(2):
        court.clock.go_on(1)
        await look(court)

    # By no clock: who removes a judge has another one than who looks.
    last, first = sorted(await told(court), key=lambda one: one.action)
    assert (last.subject, last.action) == ("[Sluice] Judge polite is removed", "resolve")
    assert (first.action, last.incident_key) == ("trigger", first.incident_key)
    assert msgspec.json.decode(last.body)["type"] == "judge.removed"


async def test_one_that_is_off_or_was_changed_is_not_told(court: Court) -> None:
    await make_hook(court)
    off = await court.judge("off", {"type": "regex", "pattern": "a"})
    await end(court, off, failed=FAILED_CALLS)
    await change_judge(court.database, court.project_id, off.id, JudgeChange(enabled=False))
    changed = await court.model_judge("changed")
    async with answering() as model:
        model.fails(500)
        await court.queue(changed, court.call())
        await court.by_models(model).work()
        assert isinstance(changed.rule, ModelRule)
        rule = msgspec.structs.replace(changed.rule, prompt="{output}")
        change = JudgeChange(rule=rule)
        await change_judge(
            court.database, court.project_id, changed.id, change, (changed.rule.model,)
        )
        court.clock.us += 16 * MINUTE_US
        await court.by_models(model).work()
    await look(court)

    assert await told(court) == []


def test_what_people_wrote_stands_in_a_message_as_it_is() -> None:
    trouble = Trouble(
        "project",  # type: ignore[arg-type]  # any text does
        "judge",
        HOSTILE,
        state="fails",
        failed_calls=0,
        since_us=0,
        reason=HOSTILE,
    )

    message = trouble_message(trouble, 1)

    assert HOSTILE in message.subject
    assert msgspec.json.decode(message.body)["reason"] == HOSTILE
