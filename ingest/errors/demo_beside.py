"""Made-up feedback, files and check-ins of a shop, for `sluice demo`.

Check-ins have no time of their own, so those of the demo are all of the moment when they are sent.
"""

import json
import random
import struct
import zlib
from collections.abc import Iterator, Sequence
from typing import Any

from ingest.errors.demo_around import hex_id

SAID = (
    ("Grace", "grace@example.com", "I pressed Pay and nothing happened. Was I charged?"),
    ("Linus", "linus@example.com", "The cart forgets the second item when I come back to it."),
    ("", "", "Dark mode please! And the order page is slow on my phone."),
    ("Edsger", "edsger@example.com", "The total says 0.00 until I reload. See the screenshot."),
)
JOBS: Sequence[tuple[str, dict[str, Any], tuple[str, ...]]] = (
    ("nightly-backup", {"type": "crontab", "value": "0 3 * * *"}, ("ok", "ok", "ok")),
    ("send-invoices", {"type": "interval", "value": 1, "unit": "hour"}, ("ok", "ok", "error")),
    ("sync-stock", {"type": "crontab", "value": "*/10 * * * *"}, ("ok", "error", "ok", "ok")),
    ("clean-carts", {}, ("ok", "in_progress")),
)
WIDTH, HEIGHT = 240, 150


def beside(seed: int, event_ids: Sequence[str]) -> Iterator[bytes]:
    """Yields envelopes: what people say of these errors, files of the first, and check-ins."""
    rnd = random.Random(f"beside {seed}")
    for place, (name, email, message) in enumerate(SAID):
        said = {"message": message, "name": name, "contact_email": email}
        if place < len(event_ids):
            said["associated_event_id"] = event_ids[place]
        feedback = {"platform": "javascript", "environment": "production", "level": "info"}
        item = json.dumps({**feedback, "contexts": {"feedback": said}}).encode()
        files = [("screen.png", "image/png", picture())] if "screenshot" in message else []
        yield _envelope(hex_id(rnd, 32), [({"type": "feedback"}, item)], files)
    for event_id in event_ids[:1]:
        log = b"10:00:01 order A-20001 taken\n10:00:02 payment refused by the bank\n"
        files = [("shop.log", "text/plain", log), ("screen.png", "image/png", picture())]
        yield _envelope(event_id, [], files)
    for slug, schedule, statuses in JOBS:
        for status in statuses:
            yield _check_in(rnd, slug, schedule, status)


def _check_in(rnd: random.Random, slug: str, schedule: dict[str, Any], status: str) -> bytes:
    run: dict[str, Any] = {"check_in_id": hex_id(rnd, 32), "monitor_slug": slug, "status": status}
    run |= {"environment": "production", "release": "shop@4.2.0"}
    if status != "in_progress":
        run["duration"] = round(rnd.uniform(2, 90), 2)
    if schedule:
        run["monitor_config"] = {"schedule": schedule, "timezone": "UTC", "checkin_margin": 5}
    return _envelope("", [({"type": "check_in"}, json.dumps(run).encode())], [])


def _envelope(
    event_id: str,
    items: Sequence[tuple[dict[str, Any], bytes]],
    files: Sequence[tuple[str, str, bytes]],
) -> bytes:
    lines = [json.dumps({"event_id": event_id} if event_id else {}).encode()]
    every = [*items]
    for name, media, body in files:
        every.append(({"type": "attachment", "filename": name, "content_type": media}, body))
    for head, body in every:
        lines += json.dumps({**head, "length": len(body)}).encode(), body
    return b"\n".join(lines)


def picture() -> bytes:
    """Returns a small picture of a page: a head, and lines of text."""
    rows = bytearray()
    for y in range(HEIGHT):
        rows.append(0)
        for x in range(WIDTH):
            is_text = y > 40 and y % 18 < 6 and 16 < x < 60 + y
            shade = (36, 58, 94) if y < 28 else (120, 128, 140) if is_text else (246, 247, 249)
            rows += bytes(shade)
    head = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(bytes(rows), 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in parts
    )
