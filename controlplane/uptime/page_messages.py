"""What those who follow a status page are told: to confirm, and what is new. Pure."""

from typing import Any

import msgspec
from msgspec import Raw, Struct

from schemas.messages import Message
from schemas.times import from_us

CONFIRM = "confirm"
LEAVE = "unsubscribe"


class PageAt(Struct, frozen=True):
    """A page, and where everybody reads it."""

    title: str
    url: str


class News(Struct, frozen=True, kw_only=True):
    """Something that is new on a page."""

    key: str
    """The same whenever it is told."""
    event_type: str
    """incident.opened, incident.updated, incident.resolved or maintenance.announced."""
    noted_us: int
    subject: str
    text: str
    details: dict[str, Any]
    """What programs get of it."""
    is_good: bool = False


def confirm_message(page: PageAt, token: str, now_us: int) -> Message:
    """Returns what asks somebody whether it was them who wants to follow a page."""
    link = f"{page.url}/{CONFIRM}?token={token}"
    text = (
        f"Somebody has asked that this address is told of incidents of {page.title}.\n\n"
        f"If it was you, confirm it within two days:\n{link}\n\n"
        "If not, do nothing: nothing more is sent."
    )
    return Message(
        subject=f"Confirm: incidents of {page.title}",
        text=text,
        summary=text,
        at=iso_of(now_us),
        tone="good",
        incident_key="",
        body=Raw(b"{}"),
    )


def news_message(page: PageAt, news: News, token: str) -> Message:
    """Returns what tells somebody of something new."""
    leave = f"{page.url}/{LEAVE}?token={token}"
    body = {
        "event_id": news.key,
        "event_type": news.event_type,
        "page": {"title": page.title, "url": page.url},
        **news.details,
        "unsubscribe_url": leave,
    }
    return Message(
        subject=f"[{page.title}] {news.subject}",
        text=f"{news.text}\n\n{page.url}\n\nTo hear nothing more of it: {leave}",
        summary=f"{page.title}: {news.subject}",
        at=iso_of(news.noted_us),
        tone="good" if news.is_good else "bad",
        incident_key="",
        body=Raw(msgspec.json.encode(body)),
        unsubscribe_url=leave,
    )


def ping_message(page: PageAt, token: str, secret: str, now_us: int) -> Message:
    """Returns what asks a webhook whether it wants to follow a page: it says so by a 2xx.

    It holds the secret by which this and all that follows is signed.
    """
    body = {
        "event_id": f"ping-{now_us}",
        "event_type": "ping",
        "page": {"title": page.title, "url": page.url},
        "secret": secret,
        "unsubscribe_url": f"{page.url}/{LEAVE}?token={token}",
    }
    return Message(
        subject="ping",
        text="ping",
        summary="ping",
        at=iso_of(now_us),
        tone="good",
        incident_key="",
        body=Raw(msgspec.json.encode(body)),
    )


def iso_of(us: int) -> str:
    """Writes a time for machines, to the second."""
    return f"{from_us(us):%Y-%m-%dT%H:%M:%SZ}"
