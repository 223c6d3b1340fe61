"""How a target of messages is written: a URL, an email, or the name of a channel."""

import re
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from schemas.channels import ChannelConfig, ChannelKind

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
