
SELECT
    k0,
    sum(m_requests) AS s_requests,
    sum(m_counted) AS s_counted
FROM (
    SELECT
        user_id AS k0,
        count() AS m_requests,
        sum(coalesce(t.reported_cost, t.computed_cost, 0)) AS m_counted
    FROM traces AS t
    WHERE project_id = {project_id:String}
        AND timestamp >= fromUnixTimestamp64Micro({from_us:Int64}, 'UTC')
        AND timestamp <= fromUnixTimestamp64Micro({to_us:Int64}, 'UTC')
        AND status = {status:String}
        AND billing = ''
        AND NOT (t.timestamp >= fromUnixTimestamp64Micro({first_us:Int64}, 'UTC')
        AND t.timestamp < fromUnixTimestamp64Micro({last_us:Int64}, 'UTC'))
    GROUP BY k0
    UNION ALL
    SELECT
        user_id AS k0,
        requests AS m_requests,
        reported_first_cost AS m_counted
    FROM session_sums
    WHERE project_id = {project_id:String}
        AND status = {status:String}
        AND bucket >= fromUnixTimestamp64Micro({first_us:Int64}, 'UTC')
        AND bucket < fromUnixTimestamp64Micro({last_us:Int64}, 'UTC')
        AND NOT (bucket >= fromUnixTimestamp64Micro({first_day_us:Int64}, 'UTC')
        AND bucket < fromUnixTimestamp64Micro({last_day_us:Int64}, 'UTC'))
    UNION ALL
    SELECT
        user_id AS k0,
        requests AS m_requests,
        reported_first_cost AS m_counted
    FROM session_sums
    WHERE project_id = {project_id:String}
        AND status = {status:String}
        AND bucket >= fromUnixTimestamp64Micro({first_day_us:Int64}, 'UTC')
        AND bucket < fromUnixTimestamp64Micro({last_day_us:Int64}, 'UTC')
        AND received_date NOT IN {kept_days:Array(Date)}
    UNION ALL
    SELECT
        user_id AS k0,
        requests AS m_requests,
        reported_first_cost AS m_counted
    FROM key_days
    WHERE project_id = {project_id:String}
        AND status = {status:String}
        AND path = {kept_path:String}
        AND grain IN ('few', 'many')
        AND received_date IN {kept_days:Array(Date)}
        AND build IN {kept_builds:Array(UInt64)}
        AND bucket >= fromUnixTimestamp64Micro({first_day_us:Int64}, 'UTC')
        AND bucket < fromUnixTimestamp64Micro({last_day_us:Int64}, 'UTC')
)
GROUP BY k0
