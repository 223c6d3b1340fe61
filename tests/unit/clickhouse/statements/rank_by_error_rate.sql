
SELECT
    k0,
    k1,
    sum(m_requests) AS s_requests,
    sum(m_errors) AS s_errors,
    cityHash64(k0, k1) AS hash
FROM (
    SELECT
        model_requested AS k0,
        user_id AS k1,
        count() AS m_requests,
        countIf(t.status = 'error') AS m_errors
    FROM traces AS t
    WHERE project_id = {project_id:String}
        AND timestamp >= fromUnixTimestamp64Micro({from_us:Int64}, 'UTC')
        AND timestamp <= fromUnixTimestamp64Micro({to_us:Int64}, 'UTC')
        AND billing = ''
        AND NOT (t.timestamp >= fromUnixTimestamp64Micro({first_us:Int64}, 'UTC')
        AND t.timestamp < fromUnixTimestamp64Micro({last_us:Int64}, 'UTC'))
    GROUP BY k0, k1
    UNION ALL
    SELECT
        model_requested AS k0,
        user_id AS k1,
        requests AS m_requests,
        if(status = 'error', requests, 0) AS m_errors
    FROM session_sums
    WHERE project_id = {project_id:String}
        AND bucket >= fromUnixTimestamp64Micro({first_us:Int64}, 'UTC')
        AND bucket < fromUnixTimestamp64Micro({last_us:Int64}, 'UTC')
)
GROUP BY k0, k1
HAVING s_requests != 0
ORDER BY s_errors / s_requests DESC, k0, k1
LIMIT {limit:UInt32}
