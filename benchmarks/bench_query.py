"""Times the read side on a filled store: `python -m benchmarks.bench_query --help`.

Calls the query functions, not HTTP, as the handlers do; prints p50 and p95 of each beside its
budget, and the processor time of the whole process, which holds on a busy machine too. Ranges have
ragged ends, so that every mixed read has its base rows too. The engine has the memory that Sluice
gives it.
"""

import argparse
import asyncio
import itertools
import resource
import shutil
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from decimal import Decimal

from msgspec.structs import replace

from benchmarks.fill import DAYS, PROJECT, fill, fill_spans, gigabytes, keep_days
from clickhouse.client import Warehouse
from clickhouse.llm import analytics, span_analytics, spans, traces
from clickhouse.llm.filters import SpanFilter, TraceFilter
from clickhouse.llm.groups import Grouping, rank_groups, read_groups
from clickhouse.llm.models import find_models, find_unpriced
from clickhouse.llm.retention import read_retention
from clickhouse.llm.session_lines import read_session, read_sessions, total_sessions
from clickhouse.llm.subjects import SESSION, USER, Listing, rank
from clickhouse.llm.user_lines import Both, read_beside, read_users, total_users
from clickhouse.migrate import migrate
from clickhouse.queries.parts import Bounds, read_whole
from clickhouse.queries.periods import Period
from schemas.projects import ProjectContext, ProjectId
from schemas.settings import Settings
from sluice.limits import engine_bytes_of

START_US = 1_748_736_000_000_000
DAY_US = 86_400_000_000
RANGE = {"from_us": START_US + 1_234_567, "to_us": START_US + DAYS * DAY_US - 987_654_321}
PROJECT_CONTEXT = ProjectContext(ProjectId(PROJECT))
ANALYTICS_MS, LIST_MS, ONE_MS = 300, 50, 20
PAGE_MS, LATER_MS = 500, 1_500
GROUPS = (
    "day",
    "week",
    "hour",
    "model",
    "provider",
    "status",
    "environment",
    "user",
    "session_id",
    "metadata.team",
    "metadata.request",
    "model,hour",
    "user,model",
    "environment,metadata.feature",
)

# Whole hours from UTC, half an hour more, and with a change of the clock just before the range.
ZONES = ("Europe/Berlin", "America/Los_Angeles", "Asia/Kolkata", "Africa/Cairo")

Question = Callable[[], Awaitable[object]]


def questions(warehouse: Warehouse) -> list[tuple[str, int, Question]]:
    """Returns every question with its name and its budget in milliseconds."""
    found: list[tuple[str, int, Question]] = []
    for zone in ("UTC", *ZONES):
        found.append((f"analytics, totals by day tz={zone}", ANALYTICS_MS, _days(warehouse, zone)))
    for names in GROUPS:
        found.append((f"analytics group_by={names}", ANALYTICS_MS, _groups(warehouse, names)))
    buckets = _groups(warehouse, "model", interval="day")
    found.append(("analytics group_by=model interval=day", ANALYTICS_MS, buckets))
    for zone in ZONES:
        for names in ("day", "week", "hour", "model,day"):
            question = _groups(warehouse, names, zone=zone)
            found.append((f"analytics group_by={names} tz={zone}", ANALYTICS_MS, question))
    for name, fields in (
        ("user", {"user": "user-5"}),
        ("model", {"model": "gpt-4o"}),
        ("session_id", {"session_id": "session-1234"}),
        ("metadata", {"metadata": (("team", "team-7"),)}),
    ):
        wanted = TraceFilter(**RANGE, **fields)  # type: ignore[arg-type]  # one of many fields
        found.append((f"analytics, only one {name}", ANALYTICS_MS, _analysis(warehouse, wanted)))
    lists: tuple[tuple[str, dict[str, object]], ...] = (
        ("no filter", {}),
        ("30 days", dict(RANGE)),
        ("model, status", {"model": "gpt-4o", "status": "error"}),
        ("user", {"user": "user-5"}),
        ("session_id", {"session_id": "session-1234"}),
        ("metadata", {"metadata": (("team", "team-7"),)}),
        ("min_cost_cents", {"min_cost_cents": Decimal(5)}),
    )
    for name, changes in lists:
        wanted = TraceFilter(**changes)  # type: ignore[arg-type]  # by name
        found.append((f"list: {name}", LIST_MS, _list(warehouse, wanted)))
    found.append(("one trace", ONE_MS, _one(warehouse)))
    found.append(("models", ANALYTICS_MS, _models(warehouse)))
    found.append(("one session", LIST_MS, _session(warehouse)))
    return found + _page_questions(warehouse) + _span_questions(warehouse)


def _page_questions(warehouse: Warehouse) -> list[tuple[str, int, Question]]:
    """What the pages of sessions and users ask, first and afterwards."""
    wanted, before = TraceFilter(**RANGE), TraceFilter(from_us=0, to_us=RANGE["from_us"] - 1)
    names = [f"user-{number}" for number in range(50)]
    found: list[tuple[str, int, Question]] = [
        (f"page: sessions by {order}", PAGE_MS, _sessions(warehouse, order))
        for order in ("last", "first", "calls", "errors", "tokens", "cost", "duration", "latency")
    ]
    found += [
        (f"page: users by {order}", PAGE_MS, _users(warehouse, order))
        for order in ("cost", "last", "first", "sessions", "latency")
    ]
    return [
        *found,
        (
            "page: one session",
            PAGE_MS,
            lambda: read_session(warehouse, PROJECT_CONTEXT, "session-1234"),
        ),
        (
            "page: totals of sessions, afterwards",
            LATER_MS,
            lambda: total_sessions(warehouse, PROJECT_CONTEXT, wanted),
        ),
        (
            "page: totals of users, afterwards",
            LATER_MS,
            lambda: total_users(warehouse, PROJECT_CONTEXT, wanted),
        ),
        (
            "page: retention of 12 weeks",
            LATER_MS,
            lambda: read_retention(
                warehouse, PROJECT_CONTEXT, replace(wanted, from_us=None), "week", count=12
            ),
        ),
        (
            "page: beside 50 users, afterwards",
            LATER_MS,
            lambda: read_beside(
                warehouse, PROJECT_CONTEXT, Both(wanted, before), names, period="day"
            ),
        ),
    ]


def _sessions(warehouse: Warehouse, order: str) -> Question:
    wanted = TraceFilter(**RANGE)

    async def ask() -> object:
        found = await rank(warehouse, PROJECT_CONTEXT, wanted, Listing(SESSION, order, 51))
        return await read_sessions(
            warehouse, PROJECT_CONTEXT, wanted, [place.key for place in found]
        )

    return ask


def _users(warehouse: Warehouse, order: str) -> Question:
    wanted = TraceFilter(**RANGE)

    async def ask() -> object:
        found = await rank(warehouse, PROJECT_CONTEXT, wanted, Listing(USER, order, 51))
        return await read_users(warehouse, PROJECT_CONTEXT, wanted, [place.key for place in found])

    return ask


def _span_questions(warehouse: Warehouse) -> list[tuple[str, int, Question]]:
    whole, day = (
        SpanFilter(**RANGE),
        SpanFilter(from_us=RANGE["to_us"] - DAY_US, to_us=RANGE["to_us"]),
    )
    return [
        ("spans: analytics, 30 days", ANALYTICS_MS, _span_analysis(warehouse, whole)),
        ("spans: analytics, 1 day", ANALYTICS_MS, _span_analysis(warehouse, day)),
        ("spans: list, no filter", LIST_MS, _span_list(warehouse, SpanFilter())),
        ("spans: list, one tool", LIST_MS, _span_list(warehouse, SpanFilter(tool_name="Bash"))),
    ]


def _span_analysis(warehouse: Warehouse, wanted: SpanFilter) -> Question:
    return lambda: span_analytics.analyse_spans(warehouse, PROJECT_CONTEXT, wanted, period="day")


def _span_list(warehouse: Warehouse, wanted: SpanFilter) -> Question:
    selection = spans.matching(PROJECT_CONTEXT, wanted, limit=100)
    return lambda: asyncio.gather(
        read_whole(warehouse, PROJECT_CONTEXT, selection, Bounds()),
        spans.count_spans(warehouse, PROJECT_CONTEXT, wanted),
    )


def _analysis(warehouse: Warehouse, wanted: TraceFilter) -> Question:
    return lambda: analytics.analyse(warehouse, PROJECT_CONTEXT, wanted, period="day")


def _days(warehouse: Warehouse, zone: str) -> Question:
    project = replace(PROJECT_CONTEXT, time_zone=zone)
    return lambda: analytics.analyse(warehouse, project, TraceFilter(**RANGE), period="day")


def _models(warehouse: Warehouse) -> Question:
    whole = RANGE["from_us"], RANGE["to_us"]
    return lambda: asyncio.gather(
        find_models(warehouse, PROJECT_CONTEXT, *whole),
        find_unpriced(warehouse, PROJECT_CONTEXT, *whole),
    )


def _groups(
    warehouse: Warehouse, names: str, interval: Period | None = None, zone: str = "UTC"
) -> Question:
    wanted = TraceFilter(**RANGE)
    split = tuple(names.split(","))
    grouping = Grouping(split, interval=interval)
    period: Period = "hour" if "hour" in split else "day"
    project = replace(PROJECT_CONTEXT, time_zone=zone)

    async def analyse() -> object:
        totals = analytics.analyse(warehouse, project, wanted, period=period)
        return await asyncio.gather(totals, read())

    async def read() -> object:
        ranked = await rank_groups(warehouse, project, wanted, grouping)
        return await read_groups(warehouse, project, ranked, slice(None))

    return analyse


def _list(warehouse: Warehouse, wanted: TraceFilter) -> Question:
    async def rows() -> object:
        page = await traces.page_of(warehouse, PROJECT_CONTEXT, wanted, limit=100)
        return await asyncio.gather(
            read_whole(warehouse, PROJECT_CONTEXT, page.selection, Bounds()),
            traces.count_traces(warehouse, PROJECT_CONTEXT, wanted),
        )

    return rows


def _one(warehouse: Warehouse) -> Question:
    answer = warehouse.query_now(
        "SELECT trace_id FROM traces WHERE project_id = 'bench' ORDER BY cityHash64(log_offset)"
        " LIMIT 200",
        None,
        {},
    )
    # Another one each time: the engine remembers where the one before was.
    ids = itertools.cycle(str(row[0]) for row in answer.rows)

    async def fetch() -> object:
        return await traces.fetch_trace(warehouse, PROJECT_CONTEXT, next(ids))

    return fetch


def _session(warehouse: Warehouse) -> Question:
    selection = traces.of_session(PROJECT_CONTEXT, "session-1234")
    return lambda: read_whole(warehouse, PROJECT_CONTEXT, selection, Bounds())


async def measure(warehouse: Warehouse, times: int, only: str) -> None:
    """Asks every question `times` times after one warm-up and prints what it took."""
    print(f"{'question':44} {'p50 ms':>8} {'p95 ms':>8} {'budget':>7} {'CPU ms':>8}")
    for name, budget, question in questions(warehouse):
        if only not in name:
            continue
        took, worked = [], []
        for _ in range(times + 1):
            began, cpu = time.perf_counter(), cpu_ms()
            await question()
            took.append((time.perf_counter() - began) * 1000)
            worked.append(cpu_ms() - cpu)
        took = sorted(took[1:])
        p50, p95 = took[len(took) // 2], took[min(int(len(took) * 0.95), len(took) - 1)]
        cpu, mark = statistics.median(worked[1:]), "" if p95 < budget else "  over"
        print(f"{name:44} {p50:8.1f} {p95:8.1f} {budget:7} {cpu:8.1f}{mark}", flush=True)


def cpu_ms() -> float:
    """Returns the processor time that this process has used."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return (used.ru_utime + used.ru_stime) * 1000


def _open(url: str) -> Warehouse:
    return Warehouse(url, engine_memory_bytes=engine_bytes_of(Settings()))


def main() -> None:
    """Fills a store of its own for each size (or takes one that is full) and measures it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="*", default=[1_000_000, 10_000_000])
    parser.add_argument("--spans", type=int, default=1_000_000, help="spans beside the traces")
    parser.add_argument("--url", help="a store that `benchmarks.fill` filled before")
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--only", default="", help="a part of the questions' names")
    options = parser.parse_args()
    if options.url:
        warehouse = _open(options.url)
        asyncio.run(measure(warehouse, options.times, options.only))
        warehouse.close()
        return
    for rows in options.rows:
        directory = tempfile.mkdtemp(prefix="sluice-bench-query-")
        warehouse = _open(f"chdb://{directory}")
        migrate(warehouse)
        began = time.perf_counter()
        filled = fill(warehouse, rows)
        fill_spans(warehouse, options.spans)
        keep_days(warehouse)
        took, disk = time.perf_counter() - began, gigabytes(warehouse)
        print(f"\n{filled:,} of {rows:,} traces and {options.spans:,} spans, in {took:.0f} s")
        print(f"{disk:.1f} GB on the disk")
        asyncio.run(measure(warehouse, options.times, options.only))
        warehouse.close()
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
