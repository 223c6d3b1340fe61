
SELECT
    toUnixTimestamp64Micro(t.timestamp) - positiveModulo(toUnixTimestamp64Micro(t.timestamp), 86400000000) AS k0,
    provider AS k1,
    model_requested AS k2,
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
    sum(coalesce(t.reported_cost, t.computed_cost, 0)) AS s_counted,
    uniqExactIf(t.session_hash, t.session_hash != 0),
    tuple(count(), if(count() <= 500 AND length(groupArrayIf(500)(t.latency_ns, 1)) = count() AND count() > 0, arrayReduce('quantilesExactInclusive(0.5, 0.9, 0.95, 0.99)', groupArrayIf(500)(t.latency_ns, 1)), []), [finalizeAggregation(quantilesDDStateIf(0.01, 0.5, 0.9, 0.95, 0.99)(t.latency_ns, 1)), finalizeAggregation(quantilesDDStateIf(0.01, 0.5, 0.9, 0.95, 0.99)(t.latency_ns, 1) + initializeAggregation('quantilesDDState(0.01, 0.5, 0.9, 0.95, 0.99)', 18446744073709551615)), finalizeAggregation(quantilesDDStateIf(0.01, 0.5, 0.9, 0.95, 0.99)(t.latency_ns, 1) + initializeAggregation('quantilesDDState(0.01, 0.5, 0.9, 0.95, 0.99)', 18446744073709551615) + initializeAggregation('quantilesDDState(0.01, 0.5, 0.9, 0.95, 0.99)', 18446744073709551615))]),
    grouping(k0, k1, k2) AS level
FROM traces AS t
WHERE project_id = {project_id:String}
        AND timestamp >= fromUnixTimestamp64Micro({from_us:Int64}, 'UTC')
        AND timestamp <= fromUnixTimestamp64Micro({to_us:Int64}, 'UTC')
        AND billing = ''
        AND ifNull(tags.`team`.:String, '') = {tag_0:String}
GROUP BY GROUPING SETS ((k0, k1), (k1, k2), ())
