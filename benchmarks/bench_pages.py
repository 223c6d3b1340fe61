"""Times the dashboard in Chromium over millions of traces: `python -m benchmarks.bench_pages`.

For each page it prints when its first content is painted (First Contentful Paint) and when it is
whole: loaded, with every deferred part in its place. `first look` is the first since the server
started, in a browser that has nothing of it yet; the others are later ones in the same window.
Each look asks for a range that ends some minutes earlier than the one before, so that no answer is
one that was kept. A round is a start of the server; of several rounds the best one counts.

With `--data-dir` the data is kept there, and is not made again the next time.
"""

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import httpx
from playwright.sync_api import Browser, BrowserContext, ViewportSize, sync_playwright

from benchmarks.fill import DAYS, START, fill, fill_spans
from benchmarks.server import EMAIL, PASSWORD, Server, running
from clickhouse.client import Warehouse
from controlplane.database import Database
from controlplane.directory import all_projects
from schemas.settings import Settings
from sluice.paths import paths_of
from tests.components import chromium

FIRST_MS, WHOLE_MS = 500, 1_500
SETTLE_S, IDLE_S = 120, 0.15
WINDOW: ViewportSize = {"width": 1440, "height": 900}
END = datetime.fromisoformat(START).replace(tzinfo=UTC) + timedelta(days=DAYS)
DAY, WEEK, MONTH = timedelta(days=1), timedelta(days=7), timedelta(days=DAYS)
EMPTY = "main .empty, main .nothing, .problem-page"
"""What a page shows that found nothing."""

# What asks for a part marks its place until it is there.
IS_WHOLE = """() => document.readyState === "complete"
    && !document.querySelector(".htmx-request, .htmx-swapping, main .waits")
    && [...document.images].every((one) => one.complete || one.loading === "lazy")
    && performance.now()"""
"""Pictures of folded messages load when these are opened."""
FIRST_PAINT = """() => performance.getEntriesByName("first-contentful-paint")[0].startTime"""


class View(NamedTuple):
    """A page as a person opens it; `{one}` in its path is the latest trace."""

    name: str
    path: str
    range: timedelta | None


VIEWS = (
    View("Overview, a day", "overview", DAY),
    View("Overview, 15 days", "overview", MONTH / 2),
    View("Explore, a day", "llm/explore", DAY),
    View("Explore by model, a day", "llm/explore?by=model&measure=cost", DAY),
    View("Explore by model, a month", "llm/explore?by=model&measure=cost", MONTH),
    View("Explore p95 by model, a week", "llm/explore?by=model&measure=p95", WEEK),
    View("Explore by user, a day", "llm/explore?by=user&measure=cost", DAY),
    View("Explore by metadata, a day", "llm/explore?by=metadata.team&measure=cost", DAY),
    View("Explore by metadata, a week", "llm/explore?by=metadata.team&measure=cost", WEEK),
    View("Explore by metadata, a month", "llm/explore?by=metadata.team&measure=cost", MONTH),
    View("Traces, a month", "llm/traces", MONTH),
    View("Traces, errors of a model", "llm/traces?where=model:gpt-4o+status:error", MONTH),
    View("Traces, a user", "llm/traces?where=user:user-5", MONTH),
    View("Traces, a metadata key", "llm/traces?where=metadata.team:team-7", MONTH),
    View("One trace", "llm/traces/{one}", None),
    View("Models, a month", "llm/models", MONTH),
    View("Sessions, a day", "llm/sessions", DAY),
    View("Sessions by cost, a month", "llm/sessions?sort=cost", MONTH),
    View("Users, a month", "llm/users", MONTH),
    View("One user, a month", "llm/users/user-5", MONTH),
    View("Agents, a day", "agents", DAY),
    View("Agents, a month", "agents", MONTH),
    View("Tools, a month", "agents/tools", MONTH),
)
"""A page more is a line more."""


LATEST = View("Traces, a day", "llm/traces", DAY)
HEAD = f"""{"":30} {"first content":>15} {"whole page":>16} {"first look":>16} {"server":>7}
{"page":30} {"p50 / p95 ms":>15} {"p50 / p95 ms":>16} {"first / whole":>16} {"CPU ms":>7}"""


class Asked(NamedTuple):
    """What is looked at: where its data is, and which project."""

    data_dir: Path
    project: str


class Times(NamedTuple):
    """What one look took, in milliseconds."""

    first: float
    whole: float
    cpu: float
    """Processor time of the server meanwhile."""


class Round(NamedTuple):
    """The first look at a page after a start, and the later ones."""

    cold: Times
    warm: list[Times]

    def quantile(self, of: str, share: float) -> float:
        """Returns a quantile of the later looks."""
        values = sorted(getattr(times, of) for times in self.warm)
        return float(values[min(int(len(values) * share), len(values) - 1)])


class Window:
    """A browser window that has nothing of the pages yet, in which a person is signed in."""

    def __init__(
        self, browser: Browser, server: Server, project: str, cookies: dict[str, str]
    ) -> None:
        self._server = server
        self._root = f"{address_of(server)}/p/{project}/"
        self._context = browser.new_context(viewport=WINDOW)
        let_in(self._context, server, cookies)
        self._looks = 0
        self._one = ""

    def look(self, view: View) -> Times:
        """Opens a page in a new tab and returns how long it took."""
        self._looks += 1
        page = self._context.new_page()
        began = self._server.cpu_s()
        answer = page.goto(self._url(view))
        whole = page.wait_for_function(IS_WHOLE).json_value()
        times = Times(page.evaluate(FIRST_PAINT), whole, (self._server.cpu_s() - began) * 1000)
        assert answer is not None
        assert answer.ok, f"{view.name}: {answer.status}"
        assert page.locator(EMPTY).count() == 0, f"{view.name}: nothing is shown"
        page.close()
        return times

    def find_one(self) -> None:
        """Finds the trace that `{one}` stands for."""
        page = self._context.new_page()
        page.goto(self._url(LATEST))
        link = page.locator("main a.row").first.get_attribute("href")
        assert link is not None
        self._one = urlsplit(link).path.rpartition("/")[2]
        page.close()

    def close(self) -> None:
        """Closes it, with all that it has kept."""
        self._context.close()

    def _url(self, view: View) -> str:
        url = self._root + view.path.format(one=self._one)
        if view.range is None:
            return url
        until = END - timedelta(minutes=11 + self._looks)
        since = max(until - view.range, END - MONTH)
        between = f"from={since.timestamp() * 1000:.0f}&to={until.timestamp() * 1000:.0f}"
        return f"{url}{'&' if '?' in url else '?'}{between}"


def prepare(data_dir: Path, rows: int, spans: int) -> Asked:
    """Makes an installation and fills its store, where that is not done yet."""
    with running(data_dir=data_dir):
        pass
    paths = paths_of(Settings(data_dir=str(data_dir)))
    project = asyncio.run(_first_project(paths.database_url))
    warehouse = Warehouse(paths.warehouse_url)
    [[stored]] = warehouse.query_now("SELECT count() FROM traces", None, {}).rows
    if not stored:
        fill(warehouse, rows, project=project)
        fill_spans(warehouse, spans, project=project)
        stored = rows
    warehouse.close()
    print(f"{stored:,} traces; budget: first content {FIRST_MS} ms, whole page {WHOLE_MS} ms, p95")
    return Asked(data_dir, project)


async def _first_project(database_url: str) -> str:
    database = Database(database_url)
    try:
        return str((await all_projects(database))[0].project_id)
    finally:
        await database.close()


def measure(browser: Browser, asked: Asked, views: Sequence[View], times: int) -> list[Round]:
    """Starts a server and looks at each page so many times after the first look."""
    rounds = []
    with running(data_dir=asked.data_dir) as server:
        cookies = sign_in(server)
        settle(server)
        for view in views:
            window = Window(browser, server, asked.project, cookies)
            if "{one}" in view.path:
                window.find_one()
            cold, *warm = [window.look(view) for _ in range(times + 1)]
            rounds.append(Round(cold, warm))
            best = min(times.whole for times in warm)
            print(f"  {view.name}: whole after {best:.0f} ms at best", file=sys.stderr, flush=True)
            window.close()
    return rounds


def settle(server: Server) -> None:
    """Waits until what a start brings is over: it looks up what was stored last."""
    for _ in range(SETTLE_S):
        before = server.cpu_s()
        time.sleep(1)
        if server.cpu_s() - before < IDLE_S:
            return


def sign_in(server: Server) -> dict[str, str]:
    """Returns the cookies of a session: how often somebody signs in is limited."""
    form = {"email": EMAIL, "password": PASSWORD}
    answer = httpx.post(f"{address_of(server)}/api/auth/sign-in/email", json=form, trust_env=False)
    answer.raise_for_status()
    return dict(answer.cookies)


def let_in(context: BrowserContext, server: Server, cookies: dict[str, str]) -> None:
    """Gives a browser the cookies of a session."""
    url = address_of(server)
    context.add_cookies(
        [{"name": name, "value": value, "url": url} for name, value in cookies.items()]
    )


def address_of(server: Server) -> str:
    """Returns where a server is reached."""
    return f"http://127.0.0.1:{server.port}"


def show(view: View, rounds: Sequence[Round]) -> bool:
    """Prints the best of the rounds of a page; returns whether it is within the budget."""
    first, whole, cold_first, cold_whole = (
        min(rounds, key=key)
        for key in (
            lambda one: one.quantile("first", 0.95),
            lambda one: one.quantile("whole", 0.95),
            lambda one: one.cold.first,
            lambda one: one.cold.whole,
        )
    )
    firsts = [first.quantile("first", share) for share in (0.5, 0.95)]
    wholes = [whole.quantile("whole", share) for share in (0.5, 0.95)]
    cpu = min(one.quantile("cpu", 0.5) for one in rounds)
    is_within = firsts[1] < FIRST_MS and wholes[1] < WHOLE_MS
    print(
        f"{view.name:30} {firsts[0]:6.0f} / {firsts[1]:6.0f} {wholes[0]:7.0f} / {wholes[1]:6.0f}"
        f" {cold_first.cold.first:7.0f} / {cold_whole.cold.whole:6.0f} {cpu:7.0f}"
        f"{'' if is_within else '  over'}",
        flush=True,
    )
    return is_within


def main() -> None:
    """Measures every page; without a data directory, on data that it removes again."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", type=Path, help="where the data is kept, or is already")
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--spans", type=int, default=1_000_000)
    parser.add_argument("--times", type=int, default=20, help="looks at a page in a round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="", help="a part of the pages' names")
    options = parser.parse_args()
    views = [view for view in VIEWS if options.only in view.name]
    with tempfile.TemporaryDirectory(prefix="sluice-bench-pages-") as place:
        asked = prepare(options.data_dir or Path(place), options.rows, options.spans)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=chromium.program(),
                args=["--no-sandbox", "--disable-dev-shm-usage"],
            )
            rounds = [measure(browser, asked, views, options.times) for _ in range(options.rounds)]
            browser.close()
    print(
        f"load {os.getloadavg()[0]:.1f}; best of {options.rounds} rounds of {options.times} looks"
    )
    print(HEAD)
    within = [
        show(view, of_one) for view, of_one in zip(views, zip(*rounds, strict=True), strict=True)
    ]
    print(f"{len(within) - sum(within)} of {len(within)} over the budget")


if __name__ == "__main__":
    main()
