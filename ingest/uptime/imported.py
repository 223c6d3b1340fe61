"""Monitors of another program, as configurations of ours; and what has no counterpart. Pure."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit

from msgspec import Struct, field

SLOWEST_MS = 120_000
MAX_THRESHOLD = 20
MAX_RETRY_S = 3600
MAX_INTERVAL_S = 86_400
MAX_NAME_CHARS = 200


class NotReadable(ValueError):
    """Raised for a file that is not what it should be; the message says why."""


class Found(Struct, frozen=True):
    """A monitor to make."""

    fields: dict[str, Any]
    """As `POST /v1/monitors` takes them."""
    paused: bool = False
    notes: tuple[str, ...] = ()
    """What of it is different here."""

    @property
    def name(self) -> str:
        """Returns what it is called."""
        return str(self.fields["name"])

    @property
    def kind(self) -> str:
        """Returns its type."""
        return str(self.fields["type"])


class LeftOut(Struct, frozen=True):
    """A monitor that has no counterpart."""

    name: str
    kind: str
    reason: str


class Imported(Struct):
    """What a file holds."""

    found: list[Found] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)


class Unfit(Exception):
    """Raised for a monitor that has no counterpart; the message is the reason."""


def whole(value: object, usual: int, least: int, most: int) -> int:
    """Returns a number within bounds; what is no number is the usual one."""
    try:
        number = round(float(str(value)))
    except (TypeError, ValueError, OverflowError):
        number = usual
    return max(least, min(most, number))


def text_of(value: object) -> str:
    """Returns a text; nothing is an empty one."""
    return "" if value is None else str(value)


def channel_of(kind: str, given: Mapping[str, Any]) -> str | None:
    """Returns the Apprise URL of a notification; `None` where it has no such form.

    `given` has such names as url, token, chat, server, topic, user, password, host, port, from, to.
    """
    said = {name: text_of(value).strip() for name, value in given.items()}
    make = CHANNELS.get(kind)
    if make is None:
        return None
    try:
        return make(said)
    except (KeyError, ValueError, IndexError):
        return None


def _telegram(said: Mapping[str, str]) -> str | None:
    return f"tgram://{_full(said, 'token')}/{_full(said, 'chat')}"


def _discord(said: Mapping[str, str]) -> str | None:
    number, token = urlsplit(_full(said, "url")).path.rstrip("/").split("/")[-2:]
    return f"discord://{number}/{token}"


def _slack(said: Mapping[str, str]) -> str | None:
    parts = urlsplit(_full(said, "url"))
    if parts.hostname != "hooks.slack.com":
        return None
    return "slack://" + "/".join(parts.path.strip("/").split("/")[-3:])


def _mattermost(said: Mapping[str, str]) -> str | None:
    parts = urlsplit(_full(said, "url"))
    scheme = "mmosts" if parts.scheme == "https" else "mmost"
    return f"{scheme}://{parts.netloc}/{parts.path.rstrip('/').split('/')[-1]}"


def _gotify(said: Mapping[str, str]) -> str | None:
    parts = urlsplit(_full(said, "server"))
    scheme = "gotifys" if parts.scheme == "https" else "gotify"
    return f"{scheme}://{parts.netloc}{parts.path.rstrip('/')}/{_full(said, 'token')}"


def _ntfy(said: Mapping[str, str]) -> str | None:
    parts = urlsplit(said.get("server") or "https://ntfy.sh")
    scheme = "ntfys" if parts.scheme == "https" else "ntfy"
    login = ""
    if said.get("user"):
        login = f"{quote(said['user'], safe='')}:{quote(said.get('password', ''), safe='')}@"
    elif said.get("token"):
        login = f"{quote(said['token'], safe='')}@"
    return f"{scheme}://{login}{parts.netloc}/{_full(said, 'topic')}"


def _email(said: Mapping[str, str]) -> str | None:
    login = ""
    if said.get("user"):
        login = f"{quote(said['user'], safe='')}:{quote(said.get('password', ''), safe='')}@"
    host = _full(said, "host") + (f":{said['port']}" if said.get("port") else "")
    sender = quote(said.get("from", ""), safe="@")
    return f"mailtos://{login}{host}?from={sender}&to={quote(_full(said, 'to'), safe='@,')}"


def _pushover(said: Mapping[str, str]) -> str | None:
    return f"pover://{_full(said, 'user')}@{_full(said, 'token')}"


def _webhook(said: Mapping[str, str]) -> str | None:
    url = _full(said, "url")
    scheme, _, rest = url.partition("://")
    return f"{ {'https': 'jsons', 'http': 'json'}[scheme] }://{rest}".replace(" ", "")


def _native(said: Mapping[str, str]) -> str | None:
    # Apprise reads the address that the service itself shows.
    return _full(said, "url")


def _full(said: Mapping[str, str], name: str) -> str:
    if not said[name]:
        raise ValueError(name)
    return said[name]


CHANNELS = {
    "telegram": _telegram,
    "discord": _discord,
    "slack": _slack,
    "mattermost": _mattermost,
    "gotify": _gotify,
    "ntfy": _ntfy,
    "email": _email,
    "pushover": _pushover,
    "webhook": _webhook,
    "teams": _native,
}
