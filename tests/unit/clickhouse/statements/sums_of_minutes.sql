
SELECT
    toUnixTimestamp64Micro(t.timestamp) - positiveModulo(toUnixTimestamp64Micro(t.timestamp), 60000000) AS k0,
    environment AS k1,
    count() AS s_requests,
    countIf(t.status = 'error') AS s_errors,
    sum(toUInt128(ifNull(t.input_tokens, 0))) AS s_input,
    sum(toUInt128(ifNull(t.output_tokens, 0))) AS s_output,
    sum(toUInt128(ifNull(t.cache_read_tokens, 0))) AS s_cache_read,
    sum(toUInt128(ifNull(t.cache_write_tokens, 0))) AS s_cache_write,
    sum(toUInt128(ifNull(t.reasoning_tokens, 0))) AS s_reasoning,
    sum(ifNull(t.reported_cost, 0)) AS s_reported,
    sum(ifNull(t.computed_cost, 0)) AS s_computed,
    countIf(t.reported_cost IS NULL AND t.computed_cost IS NULL) AS s_unpriced,
    sum(toUInt128(t.latency_ns)) AS s_latency_ns,
    sum(coalesce(t.reported_cost, t.computed_cost, 0)) AS s_counted
FROM traces AS t
WHERE project_id = {project_id:String}
        AND timestamp >= fromUnixTimestamp64Micro({from_us:Int64}, 'UTC')
        AND timestamp <= fromUnixTimestamp64Micro({to_us:Int64}, 'UTC')
        AND billing = ''
GROUP BY k0, k1
