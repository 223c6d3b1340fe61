
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
    SELECT toUnixTimestamp64Micro(s.timestamp) - positiveModulo(toUnixTimestamp64Micro(s.timestamp), 3600000000) AS k0, source, kind, status, ifNull(tool_name, '') AS tool,
        count() AS spans,
        sum(toUInt128(ifNull(s.input_tokens, 0))) AS input_tokens,
        sum(toUInt128(ifNull(s.output_tokens, 0))) AS output_tokens,
        sum(toUInt128(ifNull(s.cache_read_tokens, 0))) AS cache_read_tokens,
        sum(toUInt128(ifNull(s.cache_write_tokens, 0))) AS cache_write_tokens,
        sum(toUInt128(ifNull(s.reasoning_tokens, 0))) AS reasoning_tokens,
        sum(ifNull(s.reported_cost, 0)) AS reported_cost,
        sum(ifNull(s.computed_cost, 0)) AS computed_cost,
        sum(coalesce(s.reported_cost, s.computed_cost, 0)) AS counted_cost,
        countIf(s.reported_cost IS NULL AND s.computed_cost IS NULL) AS unpriced
    FROM spans AS s
    WHERE project_id = {project_id:String}
        AND timestamp >= fromUnixTimestamp64Micro({from_us:Int64}, 'UTC')
        AND timestamp <= fromUnixTimestamp64Micro({to_us:Int64}, 'UTC')
        AND kind = {kind:String} AND (NOT (s.timestamp >= fromUnixTimestamp64Micro({first_us:Int64}, 'UTC')
        AND s.timestamp < fromUnixTimestamp64Micro({last_us:Int64}, 'UTC')))
    GROUP BY k0, source, kind, status, tool
    UNION ALL
    SELECT toUnixTimestamp64Micro(bucket) - positiveModulo(toUnixTimestamp64Micro(bucket), 3600000000) AS k0, source, kind, status, tool, spans, input_tokens, output_tokens,
        cache_read_tokens, cache_write_tokens, reasoning_tokens, reported_cost, computed_cost,
        reported_first_cost AS counted_cost, unpriced
    FROM spans_hourly
    WHERE project_id = {project_id:String}
        AND bucket >= fromUnixTimestamp64Micro({first_us:Int64}, 'UTC')
        AND bucket < fromUnixTimestamp64Micro({last_us:Int64}, 'UTC')
)
GROUP BY GROUPING SETS ((k0), (source), (kind), (kind, tool), ())
