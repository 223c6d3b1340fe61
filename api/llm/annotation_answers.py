"""Annotation queues and their items as the API tells of them."""

from msgspec.structs import asdict

from controlplane.llm.queue_items import Item
from controlplane.llm.queues import PersonsShare, Stand
from schemas.llm.annotation_answers import ItemAnswer, PersonAnswer, QueueAnswer, QueueDetails
from schemas.times import iso_ms


def queue_answer(stand: Stand) -> QueueAnswer:
    """Returns a queue with how far it is."""
    queue, progress = stand
    return QueueAnswer(
        **{name: getattr(queue, name) for name in ("id", *type(queue.form).__struct_fields__)},
        created_at=iso_ms(queue.created_us),
        **progress._asdict(),
    )


def details_of(stand: Stand, people: list[PersonsShare]) -> QueueDetails:
    """Returns a queue with how far it is and who did what."""
    every = [
        PersonAnswer(one.name or None, one.email or None, one.done, one.skipped) for one in people
    ]
    return QueueDetails(**asdict(queue_answer(stand)), people=every)


def item_answer(item: Item) -> ItemAnswer:
    """Returns an item."""
    trace_id, span_id, session_id = item.target
    return ItemAnswer(
        id=item.id,
        number=item.number,
        trace_id=trace_id or None,
        span_id=span_id or None,
        session_id=session_id or None,
        state="done" if item.reviews >= item.needed else "open",
        reviews=item.reviews,
        added_at=iso_ms(item.added_us),
    )
