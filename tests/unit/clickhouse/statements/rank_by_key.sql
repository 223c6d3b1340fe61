
SELECT
    k0,
    sum(m_requests) AS s_requests,
    sum(m_errors) AS s_errors,
    sum(m_input) AS s_input,
    sum(m_output) AS s_output,
    sum(m_cache_read) AS s_cache_read,
    sum(m_cache_write) AS s_cache_write,
    sum(m_reasoning) AS s_reasoning,
    sum(m_reported) AS s_reported,
    sum(m_computed) AS s_computed,
    sum(m_unpriced) AS s_unpriced,
    sum(m_latency_ns) AS s_latency_ns,
    sum(m_counted) AS s_counted,
    cityHash64(k0) AS hash
FROM (
    SELECT
        provider AS k0,
        count() AS m_requests,
        countIf(t.status = 'error') AS m_errors,
        sum(toUInt128(ifNull(t.input_tokens, 0))) AS m_input,
        sum(toUInt128(ifNull(t.output_tokens, 0))) AS m_output,
        sum(toUInt128(ifNull(t.cache_read_tokens, 0))) AS m_cache_read,
        sum(toUInt128(ifNull(t.cache_write_tokens, 0))) AS m_cache_write,
        sum(toUInt128(ifNull(t.reasoning_tokens, 0))) AS m_reasoning,
        sum(ifNull(t.reported_cost, 0)) AS m_reported,
        sum(ifNull(t.computed_cost, 0)) AS m_computed,
        countIf(t.reported_cost IS NULL AND t.computed_cost IS NULL) AS m_unpriced,
        sum(toUInt128(t.latency_ns)) AS m_latency_ns,
        sum(coalesce(t.reported_cost, t.computed_cost, 0)) AS m_counted
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
        provider AS k0,
        requests AS m_requests,
        if(status = 'error', requests, 0) AS m_errors,
        input_tokens AS m_input,
        output_tokens AS m_output,
        cache_read_tokens AS m_cache_read,
        cache_write_tokens AS m_cache_write,
        reasoning_tokens AS m_reasoning,
        reported_cost AS m_reported,
        computed_cost AS m_computed,
        unpriced AS m_unpriced,
        latency_ns AS m_latency_ns,
        reported_first_cost AS m_counted
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
        requests AS m_requests,
        if(status = 'error', requests, 0) AS m_errors,
        input_tokens AS m_input,
        output_tokens AS m_output,
        cache_read_tokens AS m_cache_read,
        cache_write_tokens AS m_cache_write,
        reasoning_tokens AS m_reasoning,
        reported_cost AS m_reported,
        computed_cost AS m_computed,
        unpriced AS m_unpriced,
        latency_ns AS m_latency_ns,
        reported_first_cost AS m_counted
    FROM trace_sums
    WHERE project_id = {project_id:String}
        AND grain = 'day'
        AND bucket >= fromUnixTimestamp64Micro({first_day_us:Int64}, 'UTC')
        AND bucket < fromUnixTimestamp64Micro({last_day_us:Int64}, 'UTC')
)
GROUP BY k0
HAVING s_requests != 0
ORDER BY k0 DESC
LIMIT {limit:UInt32}
