
SELECT
    k0,
    tuple(sum(measured), if(sum(measured) <= 500 AND length(CAST([], 'Array(UInt64)')) = sum(measured) AND sum(measured) > 0, arrayReduce('quantilesExactInclusive(0.5, 0.9, 0.95, 0.99)', CAST([], 'Array(UInt64)')), []), [finalizeAggregation(quantilesDDMergeState(0.01, 0.5, 0.9, 0.95, 0.99)(spread)), finalizeAggregation(quantilesDDMergeState(0.01, 0.5, 0.9, 0.95, 0.99)(spread) + initializeAggregation('quantilesDDState(0.01, 0.5, 0.9, 0.95, 0.99)', 18446744073709551615)), finalizeAggregation(quantilesDDMergeState(0.01, 0.5, 0.9, 0.95, 0.99)(spread) + initializeAggregation('quantilesDDState(0.01, 0.5, 0.9, 0.95, 0.99)', 18446744073709551615) + initializeAggregation('quantilesDDState(0.01, 0.5, 0.9, 0.95, 0.99)', 18446744073709551615))]),
    cityHash64(k0)
FROM (
    SELECT
        model_requested AS k0,
        count() AS measured,
        quantilesDDStateIf(0.01, 0.5, 0.9, 0.95, 0.99)(t.latency_ns, 1) AS spread
    FROM traces AS t
    WHERE project_id = {project_id:String}
        AND timestamp >= fromUnixTimestamp64Micro({from_us:Int64}, 'UTC')
        AND timestamp <= fromUnixTimestamp64Micro({to_us:Int64}, 'UTC')
        AND billing = ''
        AND NOT (t.timestamp >= fromUnixTimestamp64Micro({first_us:Int64}, 'UTC')
        AND t.timestamp < fromUnixTimestamp64Micro({last_us:Int64}, 'UTC'))
    GROUP BY k0
    UNION ALL
    SELECT
        model_requested AS k0,
        requests AS measured,
        latency AS spread
    FROM trace_sums
    WHERE project_id = {project_id:String}
        AND grain = 'hour'
        AND bucket >= fromUnixTimestamp64Micro({first_us:Int64}, 'UTC')
        AND bucket < fromUnixTimestamp64Micro({last_us:Int64}, 'UTC')
        AND NOT (bucket >= fromUnixTimestamp64Micro({first_day_us:Int64}, 'UTC')
        AND bucket < fromUnixTimestamp64Micro({last_day_us:Int64}, 'UTC'))
    UNION ALL
    SELECT
        model_requested AS k0,
        requests AS measured,
        latency AS spread
    FROM trace_sums
    WHERE project_id = {project_id:String}
        AND grain = 'day'
        AND bucket >= fromUnixTimestamp64Micro({first_day_us:Int64}, 'UTC')
        AND bucket < fromUnixTimestamp64Micro({last_day_us:Int64}, 'UTC')
)
GROUP BY k0
