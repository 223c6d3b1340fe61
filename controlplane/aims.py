"""Where messages of a project go: its channels by name, and what notifications say themselves."""

from collections.abc import Iterable
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.channels import unseal_config
from controlplane.crypto import Vault
from controlplane.outbox_models import AlertChannel
from schemas.aims import read_aim
from schemas.channels import ChannelConfig, ChannelKind


class Sight(NamedTuple):
    """A target that can be sent to."""

    key: str
    """Says which target it is, without telling where that is."""
    kind: ChannelKind
    shown: str
    config: ChannelConfig
    channel_id: UUID | None = None


async def find_sights(
    session: AsyncSession, vault: Vault, project_id: UUID, texts: Iterable[str]
) -> list[Sight]:
    """Returns where notifications go, each target once, without channels that are not there."""
    aims = [aim for text in texts if (aim := read_aim(text)) is not None]
    names = {aim.channel for aim in aims if aim.channel is not None}
    of = AlertChannel
    query = select(of).where(of.project_id == project_id, of.name.in_(names)).order_by(of.id)
    channels = list(await session.scalars(query)) if names else []
    found: dict[str, Sight] = {}
    for aim in aims:
        if aim.channel is None:
            key = key_of(vault, project_id, aim.text)
            found.setdefault(key, Sight(key, aim.kind, aim.shown, aim.config))
        for row in channels:
            if row.name == aim.channel:
                sight = sight_of_channel(vault, row)
                found.setdefault(sight.key, sight)
    return list(found.values())


def sight_of_channel(vault: Vault, row: AlertChannel) -> Sight:
    """Returns a channel as a target."""
    config = unseal_config(vault, row.id, row.sealed_config)
    kind: ChannelKind = row.kind  # type: ignore[assignment]  # one of its values was stored
    return Sight(str(row.id), kind, f"channel:{row.name}", config, row.id)


def key_of(vault: Vault, project_id: UUID, text: str) -> str:
    """Returns a name of a target that nobody can guess the target from."""
    return vault.sign(f"target {project_id} {text}").rpartition(".")[2]
