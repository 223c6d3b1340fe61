"""Where pages are, and what is read of them."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from playwright.sync_api import Page

from tests.e2e.server import Project

HOSTILE = "\"><img src=x onerror=window.hit=1><script>window.hit=1</script>'{{7777*7777}}"


def path_of(project: Project, page: str) -> str:
    return f"/p/{project.project_id}/{page}"


def newest(project: Project) -> str:
    return str(project.get("/v1/traces", limit=1).json()["traces"][0]["traceId"])


def session_of(project: Project) -> str:
    """Returns the agent's session that has every kind of event."""
    spans = project.get("/v1/spans", kind="notification", limit=1).json()["spans"]
    return str(spans[0]["sessionId"])


def newest_session(project: Project) -> str:
    traces = project.get("/v1/traces", limit=100).json()["traces"]
    return str(next(one["sessionId"] for one in traces if one["sessionId"]))


def taken(page: Page, name: str) -> bytes:
    with page.expect_download() as awaited:
        page.get_by_role("link", name=name, exact=True).click()
    return Path(awaited.value.path()).read_bytes()


def day_ago() -> str:
    return (datetime.now(UTC) - timedelta(days=1)).isoformat()


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
