"""Whoever reads calls from their rows counts billed ones alone, or stands here with a reason."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
READERS = ("alerts", "api", "clickhouse", "controlplane", "grafana", "processors", "sluice")
READS = re.compile(
    r"(?:FROM|JOIN)\s+traces\b|_arm\([a-z]+, \"traces\"|^\s+\"traces\",$|\{table\}\", \"traces\"",
    re.M,
)
CONDITION = re.compile(r"\bcondition\(|\bstatement\(")
BY_CONDITION = {
    *("rollups", "sightings", "subjects", "trace_lines", "session_calls", "traces"),
    *("differences", "releases", "models", "subject_scores"),
}
"""Of `clickhouse/llm`: what they are narrowed to comes from `filters.condition`."""
BILLED = {
    "clickhouse/otel/summaries.py",
    "clickhouse/otel/trace_list.py",
    "clickhouse/deploys/impact.py",
    "clickhouse/llm/keep_days.py",
    "clickhouse/llm/key_days.py",
    "clickhouse/llm/retention.py",
    "clickhouse/llm/last_calls.py",
    "clickhouse/message_search.py",
    "clickhouse/llm/experiments.py",
    "clickhouse/person_rollups.py",
    "grafana/experiments.py",
    "grafana/judging.py",
    "grafana/llm.py",
    "grafana/prompts.py",
    "grafana/quality.py",
    "grafana/spending.py",
    "grafana/sql.py",
}
"""They say it themselves."""
EVERY_CALL = {
    "clickhouse/errors/trace_links.py": "what belongs to a trace, by id; nothing is counted",
    "clickhouse/exports/llm_tables.py": "filters are put on it; each row says who is billed",
    "clickhouse/grants.py": "names of tables",
    "clickhouse/llm/around.py": "one call by its id",
    "clickhouse/llm/billings.py": "says who is billed",
    "clickhouse/llm/callers.py": "whom some calls are of, by id; nothing is counted",
    "clickhouse/llm/prompts.py": "words of calls that a list has chosen",
    "clickhouse/llm/reprice.py": "costs of every row are set; `cost_changes` says who is billed",
    "clickhouse/llm/rollup_sql.py": "texts that `rollups` fills with a condition",
    "clickhouse/bills.py": "says who is billed",
    "clickhouse/persons.py": "which of some calls are a person's, by id; nothing is counted",
    "clickhouse/otel/bare_spans.py": "which rows one trace has",
    "clickhouse/otel/span_calls.py": "each call of one trace, and whether it is billed",
    "clickhouse/otel/span_details.py": "one call by its id",
    "clickhouse/thinning.py": "whole traces go, whoever is billed of them",
    "grafana/pipeline.py": "when items arrived, billed or not",
    "grafana/variables.py": "when prices changed",
    "clickhouse/llm/scores.py": "whether there is a trace; nothing is counted",
    "clickhouse/llm/judged.py": "one call by its id; lists have the filter of lists",
    "clickhouse/llm/score_sums.py": "what a score is about, by id; scores are counted",
}


def readers() -> set[str]:
    return {
        str(file.relative_to(ROOT))
        for package in READERS
        for file in (ROOT / package).rglob("*.py")
        if READS.search(file.read_text(encoding="utf-8"))
    }


def test_every_reader_of_calls_is_known() -> None:
    by_condition = {f"clickhouse/llm/{name}.py" for name in BY_CONDITION}

    assert readers() - by_condition - BILLED == set(EVERY_CALL)


@pytest.mark.parametrize("name", sorted(BY_CONDITION))
def test_lists_and_sums_ask_by_the_condition_that_leaves_the_others_out(name: str) -> None:
    text = (ROOT / "clickhouse" / "llm" / f"{name}.py").read_text(encoding="utf-8")

    assert CONDITION.search(text)


@pytest.mark.parametrize("path", sorted(BILLED))
def test_others_name_it(path: str) -> None:
    text = (ROOT / path).read_text(encoding="utf-8")

    # Dashboards share the words of `grafana/sql.py`.
    assert "billing = ''" in text or (path.startswith("grafana/") and "BILLED" in text)


@pytest.mark.parametrize("board", ["traces", "quality"])
def test_every_query_over_calls_in_the_dashboards_names_it(board: str) -> None:
    text = (ROOT / "grafana" / f"{board}.json").read_text(encoding="utf-8")
    queries = [one for one in re.findall(r'"rawSql": "(.*)"', text) if "FROM traces\\n" in one]

    assert queries
    for query in queries:
        arms = query.split("FROM traces\\n")[1:]
        assert all("billing = ''" in arm.split("UNION ALL")[0] for arm in arms), query[:300]
