"""The logs of the demo's deployments: what their builds and apps would have printed."""

from collections.abc import Iterator, Sequence

import msgspec

from controlplane.deploys.past import PastDeployment, PastEvent
from eventlog.bulk import BulkLog
from eventlog.log import Addressed, TopicPartition
from eventlog.records import Chunk, partition_of
from schemas.deploys.lines import Level, Line, Stream, line_id
from schemas.kinds import DEPLOY_LINE
from schemas.projects import ProjectId

Said = tuple[Level, Stream, str]
STEP_US = 150_000
"""Between two lines of one phase."""
WHILE_BAD_US = 40_000_000
"""Between two faults of the app while the bad deployment serves."""
FAULTS = 12
INSTALL: Sequence[Said] = (
    ("info", "system", "$ pip install -r requirements.txt"),
    ("info", "stdout", "Collecting flask==3.1.0 (from -r requirements.txt (line 1))"),
    ("info", "stdout", "  Using cached flask-3.1.0-py3-none-any.whl (102 kB)"),
    ("info", "stdout", "Collecting gunicorn==23.0.0 (from -r requirements.txt (line 2))"),
    ("info", "stdout", "  Using cached gunicorn-23.0.0-py3-none-any.whl (85 kB)"),
)
INSTALLED: Said = ("info", "stdout", "Successfully installed flask-3.1.0 gunicorn-23.0.0")
NOT_INSTALLED: Sequence[Said] = (
    ("info", "stdout", "Collecting imagelib==9.1 (from -r requirements.txt (line 3))"),
    (
        *("error", "stderr"),
        "ERROR: Could not find a version that satisfies the requirement imagelib==9.1"
        " (from versions: 7.0, 7.4, 8.2)",
    ),
    ("error", "stderr", "ERROR: No matching distribution found for imagelib==9.1"),
    (
        *("error", "system"),
        "The install command ended with 1: no version of imagelib fits Python 3.12.",
    ),
)
BUILD: Sequence[Said] = (
    ("info", "system", "$ python -m shop.assets"),
    ("info", "stdout", "collected 214 files"),
    ("warn", "stderr", "warning: shop/static/hero.png is larger than 500 kB"),
    ("info", "stdout", "wrote 41 bundles"),
)
SERVES: Sequence[Said] = (
    ("info", "stdout", "[INFO] Starting gunicorn 23.0.0"),
    ("info", "stdout", "[INFO] Listening at: http://127.0.0.1:21000"),
)
FAULT: Sequence[Said] = (
    ("error", "stderr", "[ERROR] POST /api/checkout: 500"),
    ("error", "stderr", "Traceback (most recent call last):"),
    ("error", "stderr", '  File "shop/prices.py", line 88, in price_of'),
    ("error", "stderr", "PriceListMissing: no price of sku-{sku} in the new list"),
)


def lines_of(one: PastDeployment, *, is_bad: bool = False) -> list[Line]:
    """Returns the log of a deployment by its history; of a bad one its app prints faults too."""
    said = [(at_us, words) for event in one.events for at_us, words in _during(one, event)]
    if is_bad:
        began = next(event.at_us for event in one.events if event.status == "running")
        said += _faults(began, one.events[-1].at_us)
    said.sort(key=lambda line: line[0])
    return [
        Line(
            deployment_id=one.id, seq=seq, at_us=at_us, level=level, stream=stream, message=message
        )
        for seq, (at_us, (level, stream, message)) in enumerate(said, 1)
    ]


def put_lines(log: BulkLog, project_id: ProjectId, lines: Sequence[Line], now_ns: int) -> None:
    """Appends the lines of one deployment. May be called again. Raises `LogError`."""
    deployment_id, topic = lines[0].deployment_id, DEPLOY_LINE.topic
    number = partition_of(project_id, deployment_id, log.partitions(topic))
    bodies = [msgspec.json.encode(line) for line in lines]
    ids = [line_id(deployment_id, line.seq) for line in lines]
    chunk = Chunk(project_id, DEPLOY_LINE.wire, now_ns, bodies, ids=ids)
    chunks: list[Addressed] = [(TopicPartition(topic, number), chunk)]
    log.append(chunks)


def _during(one: PastDeployment, event: PastEvent) -> Iterator[tuple[int, Said]]:
    for place, words in enumerate(_words(one, event)):
        yield event.at_us + place * STEP_US, words


def _words(one: PastDeployment, event: PastEvent) -> Sequence[Said]:
    sha = one.commit_sha[:12]
    if event.status == "failed":
        return ()
    if event.status == "running":
        # What is noted later of one that runs is no word of its log.
        is_switch = event.reason == ""
        return [("success", "system", f"Serving {sha}")] if is_switch else ()
    match event.phase:
        case "fetch":
            at = f"At {sha} by {one.author}: {one.commit_msg}"
            return [("info", "system", f"Fetching {one.branch}"), ("info", "system", at)]
        case "detect":
            found = "requirements.txt says that this is Python; set by hand: install, build, start."
            return [("info", "system", found)]
        case "install":
            is_failed = one.events[-1].status == "failed"
            return [*INSTALL, *(NOT_INSTALLED if is_failed else [INSTALLED])]
        case "build":
            return BUILD
        case "start":
            return [("info", "system", f"Starting {sha}"), *SERVES]
        case "health":
            return [("info", "stdout", "GET /health 200")] * 2
    return ()


def _faults(began_us: int, ended_us: int) -> Iterator[tuple[int, Said]]:
    for number in range(FAULTS):
        at_us = began_us + (number + 1) * WHILE_BAD_US
        if at_us >= ended_us:
            return
        for place, (level, stream, text) in enumerate(FAULT):
            yield at_us + place, (level, stream, text.format(sku=1000 + 37 * number))
