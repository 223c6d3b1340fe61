"""Probers as processes of their own, and what the store says that they have seen."""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.e2e.server import Project, Server

REGION = "eu"


class Owner:
    """A project with monitors, and a client with a monitor key of it."""

    def __init__(self, project: Project, server: Server) -> None:
        self.project_id = project.project_id
        self.project = project
        self.prober_key = project.make_token(forProbers=True)
        self.http = server.client(project.make_token(scope="write", forMonitors=True))

    def add(self, url: str, **fields: Any) -> str:
        """Makes a monitor of the region `REGION`; returns its id."""
        form = {"name": "Shop", "type": "http", "url": url, "interval_seconds": 1}
        answer = self.http.post("/v1/monitors", json={**form, "regions": [REGION], **fields})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["monitor_id"])

    def change(self, monitor_id: str, **fields: Any) -> None:
        """Changes a monitor."""
        answer = self.http.put(f"/v1/monitors/{monitor_id}/config", json=fields)
        assert answer.status_code == 200, answer.text

    def checks(self, monitor_id: str) -> list[dict[str, Any]]:
        """Returns all checks of a monitor in the store, the oldest first."""
        found: list[dict[str, Any]] = []
        query = {"limit": "200"}
        while True:
            page = self.http.get(f"/v1/monitors/{monitor_id}/checks", params=query).json()
            found += page["checks"]
            if page["next_cursor"] is None:
                return found[::-1]
            query["cursor"] = page["next_cursor"]


def remote(folder: Path, url: str, key: str, **settings: str) -> Server:
    """Returns a prober that works for an address; it is not started."""
    return _prober(folder, ("--url", url), {"PROBER_TOKEN": key, **settings})


def of_installation(folder: Path, settings: Mapping[str, str]) -> Server:
    """Returns a prober that is a part of an installation; it is not started."""
    return _prober(folder, (), settings)


def _prober(folder: Path, options: Sequence[str], settings: Mapping[str, str]) -> Server:
    made = Server(
        folder,
        settings={"PRIVATE_TARGETS": "allow", **settings},
        role="prober",
        # `/ready` says whether anybody tells it what to look at.
        ready="/health",
    )
    made.options = ("--region", REGION, *options)
    return made


def slots_s(checks: Iterable[Mapping[str, Any]]) -> list[float]:
    """Returns the slots of first looks, in seconds; each once, as the store has them."""
    moments = (one["slot"] for one in checks if not one["attempt"])
    return [datetime.fromisoformat(moment).timestamp() for moment in moments]


def gaps_s(moments: Sequence[float]) -> list[float]:
    """Returns what lies between each two that follow each other."""
    return [round(after - before, 3) for before, after in itertools.pairwise(moments)]
