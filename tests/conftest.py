"""What every test may ask for: the real components, started when the first test needs one."""

import gc
import inspect

import httpx
import pytest
from xdist.scheduler import LoadFileScheduling  # type: ignore[import-untyped]

from tests.e2e.seeds import SEED

pytest_plugins = ("tests.components.fixtures", "tests.components.control_planes")

ANSWERS_WITHIN_S = 60.0
"""What clients of tests wait for an answer, where they say nothing else. By itself httpx waits 5 s:
on a machine busy with other tests a start or a kill beside a request takes longer."""
PROMISES = "tests/promises/"
ON_THEIR_OWN = PROMISES + "test_adding_a_kind.py"
FIRST = (ON_THEIR_OWN, PROMISES, "tests/pages/", "tests/clients/", "tests/e2e/")
"""What takes longest begins first, or one process would be at it when the others have ended."""


class _FilesTogether(LoadFileScheduling):  # type: ignore[misc]
    """Gives each process whole files, and the promises, which share a cluster, to one of them."""

    def _split_scope(self, nodeid: str) -> str:
        is_shared = nodeid.startswith(PROMISES) and not nodeid.startswith(ON_THEIR_OWN)
        return PROMISES if is_shared else str(super()._split_scope(nodeid))


def pytest_report_header() -> str:
    """Say what repeats this run's kills and faults."""
    return f"seed: {SEED} (E2E_SEED)"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> LoadFileScheduling | None:
    """Hand out tests to several processes as above, where whole files are asked for."""
    return _FilesTogether(config, log) if config.getoption("dist") == "loadfile" else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest."""
    items.sort(key=_order)


def _order(item: pytest.Item) -> int:
    places = (number for number, name in enumerate(FIRST) if item.nodeid.startswith(name))
    return next(places, len(FIRST))


def pytest_configure() -> None:
    """Wait for busy servers, and collect 20,000 tests without looking again at what stays."""
    gc.disable()
    usual: httpx.Timeout = inspect.signature(httpx.Client).parameters["timeout"].default
    usual.connect = usual.read = usual.write = usual.pool = ANSWERS_WITHIN_S


def pytest_collection_finish() -> None:
    """Run them without looking at what collecting has made, and at rows by the thousand rarely."""
    gc.enable()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
