"""The incidents of a page as RSS 2.0 (https://www.rssboard.org/rss-specification). Pure."""

import re
from email.utils import format_datetime
from xml.etree.ElementTree import Element, SubElement, tostring

from api.uptime.public.words import length_words, when
from schemas.times import from_us
from schemas.uptime.boards import Board, PublicIncident

MOST_ITEMS = 50
ATOM = "http://www.w3.org/2005/Atom"
NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that no document of XML 1.0 may hold, escaped or not."""


def feed_of(board: Board, address: str) -> bytes:
    """Returns the feed; `address` is that of the page. An incident keeps its guid for good."""
    root = Element("rss", {"version": "2.0", "xmlns:atom": ATOM})
    channel = SubElement(root, "channel")
    _add(channel, "title", board.title)
    _add(channel, "link", address)
    _add(channel, "description", board.description or f"Incidents of {board.title}")
    _add(channel, "lastBuildDate", _date(_newest_us(board)))
    SubElement(
        channel,
        "atom:link",
        {"href": _clean(f"{address}/feed.rss"), "rel": "self", "type": "application/rss+xml"},
    )
    for incident in board.incidents[:MOST_ITEMS]:
        item = SubElement(channel, "item")
        _add(item, "title", f"{incident.title} ({incident.state.lower()})")
        _add(item, "link", f"{address}/history#i-{incident.public_id}")
        guid = SubElement(item, "guid", {"isPermaLink": "false"})
        guid.text = f"sluice-{incident.public_id}"
        _add(item, "pubDate", _date(incident.started_us))
        _add(item, "description", _told(incident, board.time_zone))
    text: str = tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}'.encode()


def _told(incident: PublicIncident, zone: str) -> str:
    lines = [f"Began {when(incident.started_us, zone)} ({zone})."]
    if incident.resolved_us is not None:
        lasted = length_words((incident.resolved_us - incident.started_us) / 1_000_000)
        lines.append(f"Resolved {when(incident.resolved_us, zone)}, after {lasted}.")
    lines += [f"{one.state}, {when(one.at_us, zone)}: {one.text}" for one in incident.updates]
    return "\n".join(lines)


def _newest_us(board: Board) -> int:
    """Returns when something of it changed last: a reader that asks again sees no news."""
    moments = [one.resolved_us or one.started_us for one in board.incidents]
    moments += [update.at_us for one in board.incidents for update in one.updates]
    return max(moments, default=board.made_us - board.made_us % 86_400_000_000)


def _add(parent: Element, name: str, text: str) -> None:
    SubElement(parent, name).text = _clean(text)


def _clean(text: str) -> str:
    return NO_XML.sub("\ufffd", text)


def _date(us: int) -> str:
    return format_datetime(from_us(us).replace(microsecond=0), usegmt=True)
