"""What every test may ask for: the real components, started when the first test needs one."""

import gc

from tests.e2e.seeds import SEED

pytest_plugins = ("tests.components.fixtures", "tests.components.control_planes")


def pytest_report_header() -> str:
    """Say what repeats this run's kills and faults."""
    return f"seed: {SEED} (E2E_SEED)"


def pytest_configure() -> None:
    """Collect 13,000 tests without looking again and again at what stays."""
    gc.disable()


def pytest_collection_finish() -> None:
    """Run them without looking at what collecting has made, and at rows by the thousand rarely."""
    gc.enable()
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
