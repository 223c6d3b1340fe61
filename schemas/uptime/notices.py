"""What is told of an incident to one target, and how a target is written."""

import re
from typing import Literal, NamedTuple
from urllib.parse import unquote, urlsplit

from msgspec import Struct

from schemas.channels import ChannelConfig, ChannelKind
from schemas.messages import DeliveryState
from schemas.uptime.incidents import Incident

NoticeKind = Literal["alert", "again", "reminder", "acknowledgement", "recovery", "warning"]
ALERTS: tuple[NoticeKind, ...] = ("alert", "again", "reminder")
RECOVERY_STEP = -1
ACKNOWLEDGEMENT_STEP = -2
STEPS_OF_A_ROUND = 100
"""The number of a step is its round times this, and its place in the policy from 1 on. Step 0 are
the notifications of the monitor itself."""
CHANNEL = "channel:"
HIDDEN = "…"
OWN_WEBHOOKS: dict[str, ChannelKind] = {
    "hooks.slack.com": "slack",
    "discord.com": "discord",
    "discordapp.com": "discord",
}
TEAMS_HOST = ".webhook.office.com"
SLACK_HOOK = re.compile(r"slack://(T\w{1,30}/B\w{1,30}/\w{1,80})/?", re.ASCII)
"""An incoming webhook, in Apprise's form."""
EMAIL = re.compile(r"[^\s@,;<>()\[\]\\\"/?#&%:]+@[^\s@,;<>()\[\]\\\"/?#&%:]+")


class Aim(NamedTuple):
    """Where a message goes. It has a channel's name, or a configuration."""

    text: str
    """As it is kept: what is the same target has the same text."""
    shown: str
    """Without what must stay secret."""
    kind: ChannelKind = "apprise"
    config: ChannelConfig = ChannelConfig()
    channel: str | None = None


class Telling(NamedTuple):
    """That somebody is told of an incident."""

    kind: NoticeKind
    incident: Incident
    cause: str = ""
    """Why it is open: what the check saw, or what the person wrote who triggered it."""


class Warned(NamedTuple):
    """That somebody is told of something that is no incident."""

    type: str
    monitor_id: str | None
    monitor_name: str
    text: str
    at_us: int
    project_id: str
    event_id: str


class Notification(Struct, frozen=True, kw_only=True):
    """One message about an incident to one target, and what became of it."""

    message_id: str
    kind: NoticeKind
    step: int
    target: str
    state: DeliveryState
    attempts: int
    last_status: int | None
    last_error: str
    created_us: int
    delivered_us: int | None


def read_aim(text: str) -> Aim | None:
    """Returns where a notification goes; `None` where no form of ours fits."""
    text = text.strip()
    if text.startswith(CHANNEL):
        name = text.removeprefix(CHANNEL).strip()
        return Aim(f"{CHANNEL}{name}", f"{CHANNEL}{name}", channel=name) if name else None
    if text.startswith("mailto:") and not text.startswith("mailto://"):
        return _email(unquote(text.removeprefix("mailto:")))
    try:
        parts = urlsplit(text)
        host = parts.hostname
    except ValueError:
        return None
    if not re.fullmatch(r"[a-z][a-z0-9.+-]{1,30}", parts.scheme) or "://" not in text:
        return None
    if parts.scheme in ("http", "https"):
        return _web(text, host) if host else None
    shown = f"{parts.scheme}://{HIDDEN}"
    if parts.scheme in ("pagerduty", "pd"):
        key = unquote(parts.netloc.partition("@")[0])
        fits = re.fullmatch(r"[!-~]{1,200}", key)
        config = ChannelConfig(integration_key=key)
        return Aim(f"pagerduty://{key}", shown, "pagerduty", config) if fits else None
    if parts.scheme == "slack":
        # The page's form: Apprise would take `hooks` for the first part of the token.
        text = text.replace("slack://hooks/", "slack://", 1)
        if match := SLACK_HOOK.fullmatch(text):
            # By our own sender: Apprise needs a process for each message.
            config = ChannelConfig(webhook_url=f"https://hooks.slack.com/services/{match[1]}")
            return Aim(text.rstrip("/"), shown, "slack", config)
    return Aim(text, shown, "apprise", ChannelConfig(url=text))


def _email(address: str) -> Aim | None:
    if not EMAIL.fullmatch(address):
        return None
    text, config = f"mailto:{address}", ChannelConfig(recipients=(address,))
    return Aim(text, text, "email", config)


def _web(text: str, host: str) -> Aim:
    kind = OWN_WEBHOOKS.get(host, "msteams" if host.endswith(TEAMS_HOST) else "webhook")
    config = ChannelConfig(url=text) if kind == "webhook" else ChannelConfig(webhook_url=text)
    return Aim(text, f"{urlsplit(text).scheme}://{host}/{HIDDEN}", kind, config)
