"""Messages of incidents, put into the outbox together with who had them. Within a transaction."""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.aims import Sight
from controlplane.crypto import Vault
from controlplane.many_rows import insert_new
from controlplane.outbox import Outgoing, new_message_id, put_out, seal_target
from controlplane.uptime.incidents import incident_of
from controlplane.uptime.models import IncidentNotice
from controlplane.uptime.paging_steps import Look, Want
from controlplane.uptime.timelines import read_causes
from schemas.messages import Message
from schemas.uptime.notices import Telling, Warned

GROUPED_FROM = 5
"""So many incidents that one target is told of at once are one message."""


class Words(NamedTuple):
    """What messages say."""

    of_incidents: Callable[[Sequence[Telling]], Message]
    of_warning: Callable[[Warned], Message]


async def write_wants(session: AsyncSession, vault: Vault, look: Look, words: Words) -> int:
    """Writes what a look wants, and returns how many messages that is."""
    outgoing, notices = [], []
    causes = await read_causes(session, {want.row.id for want in look.wants})
    for wants in _grouped(look.wants):
        keys = [_key(want) for want in wants]
        message = words.of_incidents(
            [Telling(one.kind, incident_of(one.row), causes.get(one.row.id, "")) for one in wants]
        )
        after = next((one.after_id for one in reversed(wants) if one.after_id), None)
        sent = _outgoing(vault, look.project_id, wants[0].sight, (_joined(keys), message, after))
        outgoing.append(sent)
        notices += [_notice(want, sent.id) for want in wants]
    for warned, sight in look.warnings:
        key = f"{warned.event_id}/{sight.key}"
        parts = (key, words.of_warning(warned), None)
        outgoing.append(_outgoing(vault, look.project_id, sight, parts))
    await session.flush()
    await put_out(session, outgoing, look.now_us)
    await insert_new(session, IncidentNotice, notices)
    return len(outgoing)


def _grouped(wants: Iterable[Want]) -> list[list[Want]]:
    """Puts together what one target is told of many incidents; PagerDuty groups by itself."""
    by_target: defaultdict[tuple[str, bool], list[Want]] = defaultdict(list)
    for want in wants:
        by_target[want.sight.key, want.kind == "recovery"].append(want)
    found = []
    for some in by_target.values():
        if len(some) >= GROUPED_FROM and some[0].sight.kind != "pagerduty":
            found.append(some)
        else:
            found += [[want] for want in some]
    return found


def _key(want: Want) -> str:
    return f"{want.row.id}/{want.generation}/{want.step}/{want.sight.key}"


def _joined(keys: Sequence[str]) -> str:
    if len(keys) == 1:
        return keys[0]
    return "group/" + hashlib.sha256("\n".join(sorted(keys)).encode()).hexdigest()


def _outgoing(
    vault: Vault, project_id: UUID, sight: Sight, parts: tuple[str, Message, UUID | None]
) -> Outgoing:
    key, message, after_id = parts
    message_id = new_message_id()
    is_channel = sight.channel_id is not None
    return Outgoing(
        id=message_id,
        project_id=project_id,
        source="uptime",
        key=key,
        message=message,
        channel_id=sight.channel_id,
        target_kind=sight.kind,
        target=sight.shown[:200],
        sealed_target=None if is_channel else seal_target(vault, message_id, sight.config),
        after_id=after_id,
    )


def _notice(want: Want, message_id: UUID) -> dict[str, object]:
    return {
        "incident_id": want.row.id,
        "generation": want.generation,
        "step": want.step,
        "target_key": want.sight.key,
        "message_id": message_id,
        "kind": want.kind,
    }
