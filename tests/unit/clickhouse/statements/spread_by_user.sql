
SELECT
    user_id AS k0,
    tuple(count(), if(count() <= 500 AND length(groupArrayIf(500)(t.latency_ns, 1)) = count() AND count() > 0, arrayReduce('quantilesExactInclusive(0.5, 0.9, 0.95, 0.99)', groupArrayIf(500)(t.latency_ns, 1)), []), [finalizeAggregation(quantilesDDStateIf(0.01, 0.5, 0.9, 0.95, 0.99)(t.latency_ns, 1)), finalizeAggregation(quantilesDDStateIf(0.01, 0.5, 0.9, 0.95, 0.99)(t.latency_ns, 1) + initializeAggregation('quantilesDDState(0.01, 0.5, 0.9, 0.95, 0.99)', 18446744073709551615)), finalizeAggregation(quantilesDDStateIf(0.01, 0.5, 0.9, 0.95, 0.99)(t.latency_ns, 1) + initializeAggregation('quantilesDDState(0.01, 0.5, 0.9, 0.95, 0.99)', 18446744073709551615) + initializeAggregation('quantilesDDState(0.01, 0.5, 0.9, 0.95, 0.99)', 18446744073709551615))]),
    cityHash64(k0)
FROM traces AS t
WHERE project_id = {project_id:String}
        AND timestamp >= fromUnixTimestamp64Micro({from_us:Int64}, 'UTC')
        AND timestamp <= fromUnixTimestamp64Micro({to_us:Int64}, 'UTC')
        AND billing = ''
GROUP BY k0
