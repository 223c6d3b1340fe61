"""How far people agree who looked at the items of an annotation queue."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from api.auth import AnyRequest, services
from api.llm.annotation_answers import item_answer
from api.reads import reader_of
from clickhouse.llm.annotations import Said, read_said
from controlplane.llm.queue_items import items_named
from controlplane.llm.queues import find_queue
from schemas.llm.agreement import Differing, Level, agreement_of, most_differing
from schemas.llm.annotation import Queue, Rule, Value
from schemas.llm.annotation_answers import (
    AgreementAnswer,
    DifferingAnswer,
    NameAgreement,
    SaidAnswer,
)
from schemas.projects import ProjectContext

MOST_DIFFERING = 50
ItemValues = dict[str, list[Said]]


class _Compared(NamedTuple):
    names: list[NameAgreement]
    differing: list[tuple[str, Differing]]
    said: dict[str, ItemValues]


async def agreement_in(
    request: AnyRequest, project: ProjectContext, queue_id: str
) -> AgreementAnswer:
    """Returns how far people agree; raises `NotFound`."""
    database = services(request).database
    queue = (await find_queue(database, project.project_id, queue_id)).queue
    names = [rule.name for rule in queue.scores]
    async with reader_of(request, project).turn() as store:
        every = await read_said(store, project, queue.id, names, from_us=queue.created_us)
    compared = await asyncio.to_thread(_compared, queue, every.said)
    ids = [str(one.key) for _, one in compared.differing]
    items = await items_named(database, project.project_id, queue.id, ids)
    return AgreementAnswer(
        compared.names,
        [
            DifferingAnswer(
                name=name,
                difference=one.difference,
                item=item_answer(items[str(one.key)]),
                said=[
                    SaidAnswer(said.author, _shown(said))
                    for said in compared.said[name][str(one.key)]
                ],
            )
            for name, one in compared.differing
            if str(one.key) in items
        ],
        every.is_cut,
    )


def _compared(queue: Queue, said: Sequence[Said]) -> _Compared:
    by_name: dict[str, ItemValues] = {rule.name: defaultdict(list) for rule in queue.scores}
    types = {rule.name: rule.type for rule in queue.scores}
    for one in said:
        # Of a score whose type was changed since, only what is of the present one is compared.
        if one.data_type == types[one.name]:
            by_name[one.name][one.item_id].append(one)
    names, differing = [], []
    for rule in queue.scores:
        level = _level(rule)
        units = {
            item: [_compared_value(one) for one in values]
            for item, values in by_name[rule.name].items()
        }
        found = agreement_of(list(units.values()), level)
        names.append(
            NameAgreement(
                name=rule.name,
                level=level,
                items=found.items,
                values=found.values,
                agreement=found.share,
                alpha=found.alpha,
            )
        )
        most = most_differing(units, level, widest=_widest(rule))[:MOST_DIFFERING]
        differing += [(rule.name, one) for one in most]
    differing.sort(key=lambda pair: -pair[1].difference)
    return _Compared(names, differing[:MOST_DIFFERING], by_name)


def _level(rule: Rule) -> Level:
    return "interval" if rule.type == "numeric" else "nominal"


def _widest(rule: Rule) -> float | None:
    return None if rule.min is None or rule.max is None else rule.max - rule.min


def _compared_value(said: Said) -> float | str:
    return said.text if said.value is None else said.value


def _shown(said: Said) -> Value:
    return bool(said.value) if said.data_type == "boolean" else _compared_value(said)
