"""What the spool knows of one partition while nobody can say what Kafka has of it."""

from eventlog.kafka_records import Record, Report
from eventlog.log import LogUnavailable
from eventlog.spool_backlog import Backlog
from tests.integration.eventlog.logs import HEAD


def record(entry: int | None, *, sent_at: float = 1.0) -> Record:
    made = Record(f"record {entry}", HEAD, b"", 1, 0)
    made.entry, made.sent_at = entry, sent_at
    return made


def told(one: Record, *, is_open: bool = False) -> Report:
    return Report(one, -1, LogUnavailable("nobody knows") if is_open else None, is_open)


def test_what_is_sent_again_is_sent_in_the_order_of_the_entries() -> None:
    backlog = Backlog(HEAD, handed=4, end=4)
    backlog.out = 2
    first, second, third, fourth = (record(entry) for entry in range(4))
    # The client breaks in the middle of a page.
    backlog.send_again([third, fourth], 1.0)
    backlog.settle(told(first, is_open=True))
    backlog.settle(told(second, is_open=True))

    backlog.end_search([first, second], {second.record_id})

    assert backlog.take_again() == [first, third, fourth]
    assert backlog.take_gone() == [1]
    assert not backlog.holds()


def test_a_report_that_comes_before_its_entry_is_durable_counts_when_it_is() -> None:
    backlog = Backlog(HEAD, handed=7, end=7)
    early = record(None)
    backlog.settle(told(early))
    assert backlog.take_gone() == []

    backlog.note_durable(early, 7)

    assert backlog.take_gone() == [7]
    assert backlog.is_done()


def test_an_entry_that_no_producer_had_waits_for_one() -> None:
    backlog = Backlog(HEAD, handed=7, end=7)

    backlog.note_durable(record(None, sent_at=0.0), 7)

    assert (backlog.handed, backlog.end, backlog.holds()) == (7, 8, True)
