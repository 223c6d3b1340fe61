
SELECT
    k0,
    sum(m_requests) AS s_requests,
    sipHash64(k0) AS hash
FROM (
    SELECT
        provider AS k0,
        count() AS m_requests
    FROM traces AS t
    WHERE project_id = {project_id:String}
        AND timestamp >= fromUnixTimestamp64Micro({from_us:Int64}, 'UTC')
        AND timestamp <= fromUnixTimestamp64Micro({to_us:Int64}, 'UTC')
        AND NOT (t.timestamp >= fromUnixTimestamp64Micro({first_us:Int64}, 'UTC')
        AND t.timestamp < fromUnixTimestamp64Micro({last_us:Int64}, 'UTC'))
    GROUP BY k0
    UNION ALL
    SELECT
        provider AS k0,
        requests AS m_requests
    FROM trace_sums
    WHERE project_id = {project_id:String}
        AND grain = 'hour'
        AND bucket >= fromUnixTimestamp64Micro({first_us:Int64}, 'UTC')
        AND bucket < fromUnixTimestamp64Micro({last_us:Int64}, 'UTC')
        AND NOT (bucket >= fromUnixTimestamp64Micro({first_day_us:Int64}, 'UTC')
        AND bucket < fromUnixTimestamp64Micro({last_day_us:Int64}, 'UTC'))
    UNION ALL
    SELECT
        provider AS k0,
        requests AS m_requests
    FROM trace_sums
    WHERE project_id = {project_id:String}
        AND grain = 'day'
        AND bucket >= fromUnixTimestamp64Micro({first_day_us:Int64}, 'UTC')
        AND bucket < fromUnixTimestamp64Micro({last_day_us:Int64}, 'UTC')
)
GROUP BY k0
ORDER BY k0 DESC
LIMIT {limit:UInt32}
