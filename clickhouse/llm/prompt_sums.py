"""Prompts in numbers: each prompt of a range, or each version of one, and these over time.

Of prompts that were found in traffic and whose template is not stored, since there were too many of
them, all calls are counted together, as `OTHER`. Scores are those of the same range of time.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from clickhouse.client import Warehouse
from clickhouse.llm import rollups
from clickhouse.llm.filters import TraceFilter, condition
from clickhouse.llm.groups import tokens
from clickhouse.llm.prompt_templates import read_templates, read_titles
from clickhouse.llm.rollup_sql import FLAT
from clickhouse.llm.rollups import Sums
from clickhouse.llm.score_filters import ScoreFilter
from clickhouse.llm.score_sums import ScoreGrouping, sum_scores
from clickhouse.queries.periods import Period, Periods, period_sql
from clickhouse.queries.quantiles import Quantiles, milliseconds
from clickhouse.queries.values import cents_sum, quotient
from schemas.llm.prompt_answers import PromptMoment, PromptScore, PromptSums
from schemas.llm.prompts import FOUND, OTHER
from schemas.projects import ProjectContext
from schemas.times import iso_ms

MOST_GROUPS = 200
MOST_SCORES = 5_000
MOST_MOMENTS = 100_000
"""Groups times periods. More is rejected: a part of them would look like all."""
KEY = """if(startsWith(t.prompt, '{found}')
        AND (t.prompt, t.prompt_version) NOT IN (
            SELECT prompt, version FROM prompt_templates WHERE project_id = {project_id:String}
        ), '{other}', t.{column}) AS k0"""
KEY = KEY.replace("{found}", FOUND).replace("{other}", OTHER)
USED = "{where}\n    AND t.prompt != ''"
BESIDE = (
    "uniqExact(t.prompt_version)",
    "toUnixTimestamp64Micro(min(t.timestamp))",
    "toUnixTimestamp64Micro(max(t.timestamp))",
)
RANKED = """GROUP BY k0
ORDER BY s_requests DESC, k0
LIMIT {limit:UInt32}"""
BY_MOMENT = """GROUP BY k0, k1
ORDER BY k1, k0"""
OVER_TIME = ("requests", "errors", "input", "output", "latency_ns", "counted")

Scores = Mapping[str, list[PromptScore]]
Moments = Mapping[str, list[PromptMoment]]


class PromptQuery(NamedTuple):
    """Which calls: those of all prompts, or of the one that the filter names. Its range is set."""

    wanted: TraceFilter
    interval: Period | None = None

    @property
    def column(self) -> str:
        """What they are grouped by."""
        return "prompt" if self.wanted.prompt is None else "prompt_version"


async def sum_prompts(
    warehouse: Warehouse, project: ProjectContext, query: PromptQuery
) -> list[PromptSums]:
    """Returns the prompts with most calls; of one prompt, its versions."""
    rows, scores, moments = await asyncio.gather(
        _rows(warehouse, project, query),
        _scores(warehouse, project, query),
        _moments(warehouse, project, query),
    )
    keys = [row[0] for row in rows]
    if query.wanted.prompt is None:
        texts = await read_titles(warehouse, project, keys)
    else:
        texts = await read_templates(warehouse, project, query.wanted.prompt, keys)
    return [_summed(query, row, texts, scores, moments) for row in rows]


async def _rows(
    warehouse: Warehouse, project: ProjectContext, query: PromptQuery
) -> Sequence[Sequence[Any]]:
    scoped = rollups.scope(project, query.wanted, names=("prompt",))
    totals = [KEY.replace("{column}", query.column), *rollups.full(scoped).flat, *BESIDE]
    where = condition(project, query.wanted)
    sql = FLAT.format(
        totals=",\n    ".join(totals), where=USED.replace("{where}", where.sql), ending=RANKED
    )
    return (await warehouse.query(sql, where.values | {"limit": MOST_GROUPS})).rows


async def _scores(warehouse: Warehouse, project: ProjectContext, query: PromptQuery) -> Scores:
    """Returns the scores of each group, where `OTHER` has none."""
    wanted = ScoreFilter(from_us=query.wanted.from_us, to_us=query.wanted.to_us)
    is_all = query.wanted.prompt is None
    names = ("prompt",) if is_all else ("prompt", "prompt_version")
    found: dict[str, list[PromptScore]] = {}
    for one in await sum_scores(warehouse, project, wanted, ScoreGrouping(names, MOST_SCORES)):
        key = one.key["prompt"] if is_all else one.key["prompt_version"]
        if is_all or one.key["prompt"] == query.wanted.prompt:
            score = PromptScore(one.name, one.data_type, one.count, one.average)
            found.setdefault(key or "", []).append(score)
    return found


async def _moments(warehouse: Warehouse, project: ProjectContext, query: PromptQuery) -> Moments:
    period = query.interval
    if period is None:
        return {}
    scoped = rollups.scope(project, query.wanted, names=("prompt", period))
    totals = [
        KEY.replace("{column}", query.column),
        f"{period_sql(period, scoped.clock, 't.timestamp')} AS k1",
        *rollups.sums(scoped, OVER_TIME).flat,
    ]
    where = USED.replace("{where}", condition(project, query.wanted).sql)
    sql = FLAT.format(totals=",\n    ".join(totals), where=where, ending=BY_MOMENT)
    answer = await warehouse.query(sql, rollups.values_of(scoped), max_result_rows=MOST_MOMENTS)
    periods = Periods(scoped.clock, period)
    found: dict[str, list[PromptMoment]] = {}
    for key, at, *row in answer.rows:
        sums = Sums(**dict(zip(OVER_TIME, row, strict=True)))
        label = periods.label(at)
        moment = PromptMoment(
            label.period,
            label.start,
            sums.requests,
            sums.errors,
            cents_sum(sums.counted),
            quotient(sums.latency_ns, sums.requests * 1_000_000),
            sums.input + sums.output,
        )
        found.setdefault(key, []).append(moment)
    return found


def _summed(
    query: PromptQuery,
    row: Sequence[Any],
    texts: Mapping[str, str],
    scores: Scores,
    moments: Moments,
) -> PromptSums:
    key, *added, sessions, spread, versions, first_us, last_us = row
    sums = Sums(*added)
    p50, p90, p95, p99 = milliseconds(Quantiles(*spread))
    named = query.wanted.prompt
    return PromptSums(
        prompt=key if named is None else named,
        version=None if named is None else key,
        versions=versions,
        text=texts.get(key) or None,
        first_seen=iso_ms(first_us),
        last_seen=iso_ms(last_us),
        requests=sums.requests,
        errors=sums.errors,
        error_rate=quotient(sums.errors * 100, sums.requests),
        sessions=int(sessions),
        tokens=tokens(sums),
        cost_cents=cents_sum(sums.counted),
        cost_per_request=quotient(sums.counted.scaleb(2), sums.requests),
        unpriced_requests=sums.unpriced,
        avg_latency=quotient(sums.latency_ns, sums.requests * 1_000_000),
        p50=p50,
        p90=p90,
        p95=p95,
        p99=p99,
        scores=scores.get(key, []),
        over_time=moments.get(key, []) if query.interval else None,
    )
