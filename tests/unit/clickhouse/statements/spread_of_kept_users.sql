
SELECT
    k0,
    tuple(sum(measured), if(sum(measured) <= 500 AND length(groupArrayArray(501)(few)) = sum(measured) AND sum(measured) > 0, arrayReduce('quantilesExactInclusive(0.5, 0.9, 0.95, 0.99)', groupArrayArray(501)(few)), []), [finalizeAggregation((quantilesDDArrayState(0.01, 0.5, 0.9, 0.95, 0.99)(few) + quantilesDDMergeStateIf(0.01, 0.5, 0.9, 0.95, 0.99)(spread, empty(few)))), finalizeAggregation((quantilesDDArrayState(0.01, 0.5, 0.9, 0.95, 0.99)(few) + quantilesDDMergeStateIf(0.01, 0.5, 0.9, 0.95, 0.99)(spread, empty(few))) + initializeAggregation('quantilesDDState(0.01, 0.5, 0.9, 0.95, 0.99)', 18446744073709551615)), finalizeAggregation((quantilesDDArrayState(0.01, 0.5, 0.9, 0.95, 0.99)(few) + quantilesDDMergeStateIf(0.01, 0.5, 0.9, 0.95, 0.99)(spread, empty(few))) + initializeAggregation('quantilesDDState(0.01, 0.5, 0.9, 0.95, 0.99)', 18446744073709551615) + initializeAggregation('quantilesDDState(0.01, 0.5, 0.9, 0.95, 0.99)', 18446744073709551615))]),
    cityHash64(k0)
FROM (
    SELECT
        user_id AS k0,
        count() AS measured,
        if(length(groupArray(501)(t.latency_ns)) > 500, [], groupArray(501)(t.latency_ns)) AS few,
        quantilesDDStateIf(0.01, 0.5, 0.9, 0.95, 0.99)(t.latency_ns, 1) AS spread
    FROM traces AS t
    WHERE project_id = {project_id:String}
        AND timestamp >= fromUnixTimestamp64Micro({from_us:Int64}, 'UTC')
        AND timestamp <= fromUnixTimestamp64Micro({to_us:Int64}, 'UTC')
        AND billing = ''
        AND NOT (t.timestamp >= fromUnixTimestamp64Micro({first_day_us:Int64}, 'UTC')
        AND t.timestamp < fromUnixTimestamp64Micro({last_day_us:Int64}, 'UTC'))
    GROUP BY k0
    UNION ALL
    SELECT
        user_id AS k0,
        count() AS measured,
        if(length(groupArray(501)(t.latency_ns)) > 500, [], groupArray(501)(t.latency_ns)) AS few,
        quantilesDDStateIf(0.01, 0.5, 0.9, 0.95, 0.99)(t.latency_ns, 1) AS spread
    FROM traces AS t
    WHERE project_id = {project_id:String}
        AND timestamp >= fromUnixTimestamp64Micro({from_us:Int64}, 'UTC')
        AND timestamp <= fromUnixTimestamp64Micro({to_us:Int64}, 'UTC')
        AND billing = ''
        AND t.timestamp >= fromUnixTimestamp64Micro({first_day_us:Int64}, 'UTC')
        AND t.timestamp < fromUnixTimestamp64Micro({last_day_us:Int64}, 'UTC')
        AND NOT (received_at >= fromUnixTimestamp64Micro({kept_from_0:Int64}, 'UTC')
            AND received_at < fromUnixTimestamp64Micro({kept_to_0:Int64}, 'UTC')
            OR received_at >= fromUnixTimestamp64Micro({kept_from_1:Int64}, 'UTC')
            AND received_at < fromUnixTimestamp64Micro({kept_to_1:Int64}, 'UTC'))
    GROUP BY k0
    UNION ALL
    SELECT
        user_id AS k0,
        requests AS measured,
        few,
        initializeAggregation('quantilesDDStateIf(0.01, 0.5, 0.9, 0.95, 0.99)', toUInt64(0), 0) AS spread
    FROM key_days
    WHERE project_id = {project_id:String}
        AND path = {kept_path:String}
        AND grain IN ('few')
        AND received_date IN {kept_days:Array(Date)}
        AND build IN {kept_builds:Array(UInt64)}
        AND bucket >= fromUnixTimestamp64Micro({first_day_us:Int64}, 'UTC')
        AND bucket < fromUnixTimestamp64Micro({last_day_us:Int64}, 'UTC')
    UNION ALL
    SELECT
        user_id AS k0,
        requests AS measured,
        few,
        latency AS spread
    FROM key_days
    WHERE project_id = {project_id:String}
        AND path = {kept_path:String}
        AND grain IN ('many')
        AND received_date IN {kept_days:Array(Date)}
        AND build IN {kept_builds:Array(UInt64)}
        AND bucket >= fromUnixTimestamp64Micro({first_day_us:Int64}, 'UTC')
        AND bucket < fromUnixTimestamp64Micro({last_day_us:Int64}, 'UTC')
)
GROUP BY k0
