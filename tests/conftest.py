"""What every test may ask for: the real components, started when the first test needs one."""

from tests.e2e.seeds import SEED

pytest_plugins = ("tests.components.fixtures", "tests.components.control_planes")


def pytest_report_header() -> str:
    """Say what repeats this run's kills and faults."""
    return f"seed: {SEED} (E2E_SEED)"
