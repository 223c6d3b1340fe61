"""The two statements that numbers of spans are read by; `span_analytics` fills them."""

# Behind the keys, the fields of `Sums` in their order.
COUNTS = """
SELECT
    grouping(k0, source, kind, tool) AS level,
    k0,
    source,
    kind,
    tool,
    sum(spans),
    sumIf(spans, status = 'error'),
    sum(input_tokens),
    sum(output_tokens),
    sum(cache_read_tokens),
    sum(cache_write_tokens),
    sum(reasoning_tokens),
    sum(reported_cost),
    sum(computed_cost),
    sum(unpriced),
    0,
    sum(counted_cost)
FROM (
    SELECT {base_period} AS k0, source, kind, status, ifNull(tool_name, '') AS tool,
        count() AS spans,
        sum(toUInt128(ifNull(s.input_tokens, 0))) AS input_tokens,
        sum(toUInt128(ifNull(s.output_tokens, 0))) AS output_tokens,
        sum(toUInt128(ifNull(s.cache_read_tokens, 0))) AS cache_read_tokens,
        sum(toUInt128(ifNull(s.cache_write_tokens, 0))) AS cache_write_tokens,
        sum(toUInt128(ifNull(s.reasoning_tokens, 0))) AS reasoning_tokens,
        sum(ifNull(s.reported_cost, 0)) AS reported_cost,
        sum(ifNull(s.computed_cost, 0)) AS computed_cost,
        sum(coalesce(s.{first}_cost, s.{second}_cost, 0)) AS counted_cost,
        countIf(s.reported_cost IS NULL AND s.computed_cost IS NULL) AS unpriced
    FROM spans AS s
    WHERE {where} AND {ragged}
    GROUP BY k0, source, kind, status, tool
    UNION ALL
    SELECT {bucket_period} AS k0, source, kind, status, tool, spans, input_tokens, output_tokens,
        cache_read_tokens, cache_write_tokens, reasoning_tokens, reported_cost, computed_cost,
        {first}_first_cost AS counted_cost, unpriced
    FROM spans_hourly
    WHERE {whole}
)
GROUP BY GROUPING SETS ((k0), (source), (kind), (kind, tool), ())
"""
# Durations by kind, and of all; starts and open runs of tool calls by tool. `few` are values, where
# they are at hand.
DURATIONS = """
SELECT
    grouping(kind, tool) AS level,
    kind,
    tool,
    sum(measured),
    sum(duration_ns),
    {quantiles},
    sum(starts),
    sum(failed_starts),
    sum(open_calls)
FROM (
    SELECT kind, '' AS tool, count() AS measured,
        sum(toUInt128(round(assumeNotNull(s.duration_ms) * 1e6))) AS duration_ns,
        {own_state} AS duration,
        {own_few} AS few,
        0 AS starts, 0 AS failed_starts, 0 AS open_calls
    FROM spans AS s
    WHERE {where} AND {ragged} AND duration_ms IS NOT NULL
    GROUP BY kind
    UNION ALL
    SELECT kind, '' AS tool, measured, duration_ns, duration, CAST([], 'Array(UInt64)') AS few,
        0 AS starts, 0 AS failed_starts, 0 AS open_calls
    FROM spans_hourly
    WHERE {whole}
    UNION ALL
    SELECT kind, tool, countIf(is_measured) AS measured,
        sumIf(toUInt128(ns), is_measured) AS duration_ns,
        {pair_state} AS duration,
        {pair_few} AS few,
        countIf(pair_role = 'start') AS starts,
        countIf(pair_role = 'start' AND status = 'error') AS failed_starts,
        uniqExactIf(pair_hash, pair_role = 'start' AND is_open) AS open_calls
    FROM (
        SELECT kind, tool, status, pair_role, pair_hash, is_open,
            has_start AND pair_role = 'end' AS is_measured,
            toUInt64(greatest(0, at_us - started_us)) * 1000 AS ns
        FROM (
            SELECT kind, ifNull(tool_name, '') AS tool, status, pair_role, pair_hash,
                toUnixTimestamp64Micro(timestamp) AS at_us
            FROM spans
            WHERE {where} AND ({unmeasured} OR (pair_role = 'start' AND kind = 'tool_use'))
        ) AS spans
        ANY LEFT JOIN (
            SELECT {run_key} AS run_key, started_us, is_open, true AS has_start
            FROM ({starts})
        ) AS runs
            ON {span_key} = runs.run_key
    )
    GROUP BY kind, tool
)
GROUP BY GROUPING SETS ((kind), (kind, tool), ())
SETTINGS join_use_nulls = 0
"""
