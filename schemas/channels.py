"""Channels: where the messages of a project go."""

from typing import Literal, get_args

from msgspec import Struct

ChannelKind = Literal["slack", "discord", "msteams", "webhook", "pagerduty", "email", "apprise"]
CHANNEL_KINDS: tuple[ChannelKind, ...] = get_args(ChannelKind)


class ChannelConfig(
    Struct, frozen=True, rename="camel", omit_defaults=True, forbid_unknown_fields=True
):
    """Where a channel sends; which fields there are depends on its kind."""

    webhook_url: str = ""
    """Of slack, discord and msteams."""
    url: str = ""
    """Of a webhook, or one of Apprise's."""
    secret: str = ""
    """Of a webhook: its messages are signed with it."""
    integration_key: str = ""
    """Of pagerduty."""
    recipients: tuple[str, ...] = ()
    """Of email."""


class ChannelForm(Struct, frozen=True, forbid_unknown_fields=True):
    """A channel as people write it."""

    name: str
    kind: ChannelKind
    config: ChannelConfig


class Channel(Struct, frozen=True, rename="camel"):
    """A channel as it is told: what it sends to is kept sealed."""

    id: str
    name: str
    kind: ChannelKind
    target: str
    """Says which one it is, without what must stay secret."""
    created_us: int
