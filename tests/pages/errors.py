"""Errors as SDKs of Sentry send them, for the tests of pages."""

import json
import re
import time
from typing import Any, NamedTuple

import httpx

from tests.e2e.payloads import new_id
from tests.e2e.server import Project, wait_for

DSN = re.compile(r"<code>http://([0-9a-f]{32})@[^/<]+/(\d+)</code>")
NUMBERS = re.compile(r">#(\d+)</span>")
BESIDE: dict[str, Any] = {"in_app": True, "lineno": 12, "context_line": "    charge(card)"}


class Sender(NamedTuple):
    """Where errors of a project are sent."""

    project: Project
    key: str
    number: str

    def send(self, *events: dict[str, Any]) -> list[str]:
        """Sends events, each in an envelope of its own; returns their ids."""
        return [self._send(one) for one in events]

    def send_together(self, *events: dict[str, Any]) -> list[str]:
        """Sends many events in one envelope; returns their ids."""
        ids = [new_id().replace("-", "") for _ in events]
        lines: list[dict[str, Any]] = [{}]
        for event_id, event in zip(ids, events, strict=True):
            lines += [{"type": "event"}, {**event, "event_id": event_id}]
        self._post(lines)
        return ids

    def send_items(self, *items: tuple[dict[str, Any], dict[str, Any]]) -> None:
        """Sends items of any type, each with its head, in one envelope."""
        self._post([{}, *(line for item in items for line in item)])

    def _send(self, event: dict[str, Any]) -> str:
        event_id = event.get("event_id", new_id().replace("-", ""))
        head = {"event_id": event_id, "dsn": "http://x"}
        self._post([head, {"type": event.get("type", "event")}, {**event, "event_id": event_id}])
        return str(event_id)

    def _post(self, lines: list[dict[str, Any]]) -> None:
        answer = httpx.post(
            f"{self.project.server.url}/api/{self.number}/envelope/",
            content="\n".join(json.dumps(line) for line in lines),
            headers={"X-Sentry-Auth": f"Sentry sentry_version=7, sentry_key={self.key}"},
        )
        assert answer.status_code == 200, answer.text


def dsn_of(project: Project) -> str:
    """Returns the DSN that the page of a project without any errors shows."""
    sender = sender_of(project)
    return f"http://{sender.key}@sluice/{sender.number}"


def sender_of(project: Project) -> Sender:
    """Returns where errors of a project are sent, as the page of a project without any says."""
    text = project.server.admin.get(f"/p/{project.project_id}/errors/issues").text
    found = DSN.search(text)
    assert found is not None, text
    return Sender(project, found[1], found[2])


def error(type_: str = "PaymentFailed", value: str = "no answer", **fields: Any) -> dict[str, Any]:
    """Returns an event; `ago_s` is how long ago it happened."""
    frames = [
        {"filename": "lib/http.py", "function": "request", "in_app": False, "lineno": 3},
        {"filename": f"shop/{type_}.py"[:60], "function": f"charge_{type_}"[:60], **BESIDE},
    ]
    return {
        "timestamp": time.time() - fields.pop("ago_s", 0.0),
        "platform": "python",
        "exception": {
            "values": [{"type": type_, "value": value, "stacktrace": {"frames": frames}}]
        },
        **fields,
    }


def listed(project: Project, **values: str) -> list[int]:
    """Returns the numbers of the issues that a list shows, in its order."""
    answer = project.server.admin.get(f"/p/{project.project_id}/errors/issues", params=values)
    assert answer.status_code == 200, answer.text
    return [int(number) for number in NUMBERS.findall(answer.text)]


def wait_listed(project: Project, count: int, **values: str) -> list[int]:
    """Returns the numbers of the issues of a list, as soon as there are so many."""
    given = {"where": "is:all", **values}
    return wait_for(
        lambda: found if len(found := listed(project, **given)) == count else [],
        f"{count} issues",
    )


def id_of(project: Project, number: int) -> str:
    """Returns the id of an issue that is known by its number."""
    text = project.server.admin.get(f"/p/{project.project_id}/errors/issues/{number}").text
    found = re.search(r'<code class="cut id" title="([0-9a-f-]{36})">', text)
    assert found is not None, text
    return found[1]


def a_shop(project: Project) -> None:
    """Fills a project with three issues that have everything which a page shows."""
    person = {"id": "u_1", "email": "ann@example.com", "plan": "team"}
    around: dict[str, Any] = {
        "release": "shop@2.14.0",
        "environment": "production",
        "level": "error",
        "server_name": "web-1",
        "user": person,
        "tags": {"browser": "Firefox 121", "customer.tier": "gold"},
        "contexts": {"browser": {"name": "Firefox", "version": "121"}, "cart": {"items": 3}},
        "extra": {"attempts": {"number": 3, "last": ["a", "b"]}},
        "modules": {"flask": "3.0.0"},
        "request": {
            "method": "POST",
            "url": "https://shop.example/checkout",
            "headers": {"Host": "shop.example"},
            "data": {"order": 7},
        },
        "breadcrumbs": {
            "values": [
                {"category": "query", "message": f"SELECT {n}", "timestamp": time.time() - n}
                for n in range(20, 0, -1)
            ]
        },
    }
    sender = sender_of(project)
    kinds = (
        [error(value=f"order {n}: no answer", **around, ago_s=60.0 * n) for n in range(3)],
        [error("TypeError", "unsupported operand", **around | {"level": "fatal"}, ago_s=200)],
        [error("Slow", "took too long", **around | {"level": "warning"}, ago_s=300)],
    )
    for number, events in enumerate(kinds, 1):
        sender.send(*events)
        # One after the other: the issues of one block are numbered in any order.
        wait_listed(project, number)
