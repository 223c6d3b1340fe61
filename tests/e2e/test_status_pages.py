"""Public status pages over HTTP: who makes them, who reads them, and what nobody learns by them."""

from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

import httpx
import pytest

from tests.e2e.server import Server, create_project, wait_for
from tests.e2e.test_uptime import Keyed, ago

PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)
SECRETS = ("internal-name", "secret-host", "who@acme.example", "private note", "hidden title")


@pytest.fixture
def keyed(server: Server) -> Iterator[Keyed]:
    holder = Keyed(server, create_project(server, "Shop"), "write")
    yield holder
    holder.http.close()


@pytest.fixture
def everybody(server: Server) -> Iterator[httpx.Client]:
    with server.client(None) as client:
        yield client


def published(keyed: Keyed, slug: str, *monitors: str, **more: Any) -> str:
    """Makes a page that is published; returns its id."""
    named = [{"monitor_id": one, "name": f"Public {number}"} for number, one in enumerate(monitors)]
    page = {"title": "Acme", "slug": slug, "groups": [{"name": "Web", "monitors": named}]}
    made = keyed.ask("POST", "status-pages", 201, {**page, "published": True, **more})
    return str(made["page_id"])


def shown(everybody: httpx.Client, path: str) -> httpx.Response:
    """Returns what is at a public address, as soon as it is known in this process."""

    def found() -> httpx.Response | None:
        answer = everybody.get(f"/status/{path}")
        return answer if answer.status_code == 200 else None

    return wait_for(found, path)


def test_everybody_reads_a_published_page_and_nothing_that_is_private(
    keyed: Keyed, everybody: httpx.Client
) -> None:
    monitor_id = keyed.monitor(name="internal-name", url="https://secret-host.example/health")
    keyed.send(monitor_id, ago(120), "ooff")
    published(keyed, "acme", monitor_id)
    (incident,) = keyed.ask("GET", "incidents", 200)["incidents"]
    told = {"incident_id": incident["incident_id"], "state": "acknowledged"}
    told |= {"assignee": "who@acme.example", "notes": "private note", "public_note": "We look"}
    keyed.ask("POST", "incidents", 200, told)
    by_hand = {"state": "triggered", "title": "hidden title", "monitor_id": monitor_id}
    keyed.ask("POST", "incidents", 201, by_hand)

    def page() -> str | None:
        text = everybody.get("/status/acme").text
        return text if "We look" in text and "Incident: Public 0" in text else None

    text = wait_for(page, "the public note")
    assert "Public 0 is down" in text
    assert "All systems are down" in text
    for path in ("acme", "acme.json", "acme/history", "acme/feed.rss", "acme/badge.svg"):
        answer = everybody.get(f"/status/{path}")
        assert answer.status_code == 200, path
        assert "set-cookie" not in answer.headers
        assert answer.headers["content-type"].count("charset") <= 1, path
        for secret in (*SECRETS, monitor_id, incident["incident_id"], keyed.project_id):
            assert secret not in answer.text, (path, secret)


def test_what_is_not_published_not_known_or_removed_is_the_same_404(
    keyed: Keyed, everybody: httpx.Client
) -> None:
    page_id = published(keyed, "draft", published=False)
    answers = [
        everybody.get(f"/status/{one}") for one in ("draft", "nobody", "draft.json", "No_Slug")
    ]
    answers += [everybody.get(f"/status/{one}/history") for one in ("draft", "nobody")]
    assert {one.status_code for one in answers} == {404}
    assert len({one.content for one in answers}) == 1
    assert len({tuple(sorted(set(one.headers) - {"date"})) for one in answers}) == 1

    keyed.ask("PUT", f"status-pages/{page_id}", 200, {"published": True})
    wait_for(lambda: everybody.get("/status/draft").status_code == 200, "the page")
    keyed.ask("DELETE", f"status-pages/{page_id}", 200)

    wait_for(lambda: everybody.get("/status/draft").status_code == 404, "its end")
    keyed.ask("GET", f"status-pages/{page_id}", 404)


def test_a_page_names_monitors_of_its_own_project_alone(server: Server, keyed: Keyed) -> None:
    other = Keyed(server, create_project(server, "Other"), "write")
    theirs = other.monitor(name="theirs")
    groups = [{"name": "", "monitors": [{"monitor_id": theirs}]}]

    refused = keyed.ask("POST", "status-pages", 422, {"title": "A", "slug": "a1", "groups": groups})

    assert "no monitor" in refused["message"]
    page_id = published(keyed, "a1")
    keyed.ask("PUT", f"status-pages/{page_id}", 422, {"groups": groups})
    other.ask("GET", f"status-pages/{page_id}", 404)
    other.ask("PUT", f"status-pages/{page_id}", 404, {"title": "B"})
    other.ask("DELETE", f"status-pages/{page_id}", 404)
    assert other.http.put(f"/v1/status-pages/{page_id}/logo", content=PNG).status_code == 404
    # An address belongs to one page of the installation.
    other.ask("POST", "status-pages", 409, {"title": "B", "slug": "a1"})
    other.http.close()


@pytest.mark.parametrize(
    "fields",
    [
        {"slug": "Upper"},
        {"slug": "-a"},
        {"slug": ""},
        {"title": ""},
        {"home_url": "javascript:alert(1)"},
        {"home_url": "https://"},
        {"time_zone": "Mars/Base"},
        {"title": "nul\0"},
        {"unknown": 1},
    ],
)
def test_a_field_that_is_wrong_is_named(keyed: Keyed, fields: dict[str, Any]) -> None:
    told = keyed.ask("POST", "status-pages", 422, {"title": "A", "slug": "wrong", **fields})

    assert told["message"]


def test_caches_keep_a_page_and_ask_whether_it_is_another(
    keyed: Keyed, everybody: httpx.Client
) -> None:
    published(keyed, "cached", keyed.monitor())

    first = shown(everybody, "cached")
    again = everybody.get("/status/cached", headers={"If-None-Match": first.headers["etag"]})

    assert first.headers["cache-control"].startswith("public, max-age=15")
    assert first.headers["content-encoding"] == "gzip"
    assert (again.status_code, again.content) == (304, b"")
    policy = first.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script" not in policy + first.text.lower().replace("description", "")
    scripts = everybody.get("/status/cached.json", headers={"Origin": "https://any.example"})
    assert scripts.headers["access-control-allow-origin"] == "*"


def test_a_removed_monitor_leaves_the_page_and_a_removed_project_takes_it_along(
    server: Server, keyed: Keyed, everybody: httpx.Client
) -> None:
    stays, goes = keyed.monitor(name="stays"), keyed.monitor(name="goes")
    page_id = published(keyed, "leaving", stays, goes)
    components = shown(everybody, "leaving.json").json()["components"]
    assert [one["name"] for one in components] == ["Public 0", "Public 1"]

    keyed.ask("DELETE", f"monitors/{goes}", 200)

    def names() -> bool:
        found = everybody.get("/status/leaving.json").json()["components"]
        return [one["name"] for one in found] == ["Public 0"]

    wait_for(names, "the component to go")
    # It leaves the configuration with the next change, which still may name it.
    groups = keyed.ask("GET", f"status-pages/{page_id}", 200)["groups"]
    changed = keyed.ask("PUT", f"status-pages/{page_id}", 200, {"groups": groups})
    assert [one["monitor_id"] for one in changed["groups"][0]["monitors"]] == [stays]
    server.run("project", "delete", keyed.project_id, "--yes")
    wait_for(lambda: everybody.get("/status/leaving").status_code == 404, "its end")


def test_a_badge_of_a_component_is_there_while_its_page_is_published(
    keyed: Keyed, everybody: httpx.Client
) -> None:
    page_id = published(keyed, "badges", keyed.monitor())
    (component,) = shown(everybody, "badges.json").json()["components"]
    badge = f"/status/badges/badges/{component['id']}.svg"

    for query in ("", "?kind=uptime&days=7", "?kind=latency"):
        answer = everybody.get(f"{badge}{query}")
        assert answer.headers["content-type"] == "image/svg+xml", answer.text
        assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
        assert ElementTree.fromstring(answer.content).tag.endswith("svg")
    assert everybody.get(f"{badge}?days=91").status_code == 400
    assert everybody.get(f"{badge}?kind=other").status_code == 400
    assert everybody.get("/status/badges/badges/cmp_00000000.svg").status_code == 404
    keyed.ask("PUT", f"status-pages/{page_id}", 200, {"published": False})
    wait_for(lambda: everybody.get(badge).status_code == 404, "its end")


def test_a_logo_is_a_small_picture_and_nothing_else(keyed: Keyed, everybody: httpx.Client) -> None:
    page_id = published(keyed, "logo")
    path = f"/v1/status-pages/{page_id}/logo"

    for content, status in (
        (b"<svg onload=hit()/>", 422),
        (b"GIF89a" + bytes(10), 422),
        (PNG + bytes(256 * 1024), 413),
    ):
        assert keyed.http.put(path, content=content).status_code == status
    assert keyed.http.put(path, content=PNG).json()["has_logo"] is True

    answer = shown(everybody, "logo/logo")
    assert (answer.content, answer.headers["content-type"]) == (PNG, "image/png")
    assert "sandbox" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert keyed.http.put(path, content=b"").json()["has_logo"] is False
    wait_for(lambda: everybody.get("/status/logo/logo").status_code == 404, "its end")


def test_a_key_that_only_reads_changes_no_page(server: Server, keyed: Keyed) -> None:
    reader = Keyed(server, create_project(server, "Readers"), "read")

    reader.ask("POST", "status-pages", 403, {"title": "A", "slug": "reader"})

    assert reader.ask("GET", "status-pages", 200) == {"status_pages": []}
    reader.http.close()
