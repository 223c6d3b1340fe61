"""The table of tools, the navigation and the snippets of agents, over values."""

import json
import runpy
import time
from pathlib import Path

import pytest

from api.pages.addresses import Address
from api.pages.llm.agents.tools import tools_of
from api.pages.llm.agents.wanted import Wanted
from api.pages.llm.pages import SECTIONS
from api.pages.navigation import current_link
from api.pages.parts.ranges import TimeRange
from api.pages.parts.snippets import every_snippet
from clickhouse.llm.agent_tools import ToolFigures, ToolsBeside
from schemas.projects import ProjectContext, ProjectId

NOW_US = time.time_ns() // 1000
HOUR_US = 3_600_000_000


def figures(uses: int, failed: int, still_open: int = 0) -> ToolFigures:
    return ToolFigures(
        tool="Bash",
        uses=uses,
        still_open=still_open,
        failed=failed,
        measured=uses,
        total_ms=1.0,
        p50_ms=1.0,
        p95_ms=1.0,
    )


def wanted() -> Wanted:
    shown = TimeRange(NOW_US - HOUR_US + 1, NOW_US, "1h", "UTC", NOW_US)
    return Wanted(ProjectContext(ProjectId("p")), shown, [])


@pytest.mark.parametrize(
    ("failed", "before", "is_worse"),
    [
        (40, (200, 10), True),
        (15, (200, 10), False),  # more, as chance has it
        (40, (20, 0), False),  # of so few nobody knows how often they fail
        (9, (200, 40), False),
    ],
)
def test_a_tool_is_worse_where_it_fails_more_often_than_chance_has_it(
    failed: int, before: tuple[int, int], *, is_worse: bool
) -> None:
    (row,) = tools_of(wanted(), [figures(200, failed)], ToolsBeside({}, {"Bash": before}))

    assert row.is_worse is is_worse


def test_uses_that_are_open_are_compared_with_none_of_before() -> None:
    (row,) = tools_of(wanted(), [figures(105, 0, 5)], ToolsBeside({}, {"Bash": (50, 0)}))

    assert (row.change, row.share, row.rate_before) == ("+100 %", 100, 0)


@pytest.mark.parametrize(
    ("path", "link"),
    [
        ("agents", "agents"),
        ("agents/sessions/a/b", "agents"),
        ("agents/tools", "agents/tools"),
        ("agents/tools/uses", "agents/tools"),
        ("agentsmith", ""),
        ("llm/traces/x", "llm/traces"),
    ],
)
def test_the_navigation_marks_the_one_page_that_is_nearest(path: str, link: str) -> None:
    address = Address("", f"/p/one/{path}", {}, "one")

    assert current_link(SECTIONS, address) == link


def test_the_settings_of_claude_code_are_json_and_name_every_hook_that_is_understood() -> None:
    samples = {one.title: one.text for one in every_snippet("http://host", "pulse_sk_1", "p")}
    read = json.loads(samples["Claude Code"])

    assert read["env"] == {"TO_SLUICE_URL": "http://host", "TO_SLUICE_KEY": "pulse_sk_1"}
    script = Path(__file__).parents[4] / "deploy" / "claude_code_hook.py"
    assert set(runpy.run_path(str(script))["KINDS"]) <= set(read["hooks"])
