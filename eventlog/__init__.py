"""The durable log: topics, records, and Faust's transports over a file or over Kafka.

What both share: `log` (what others see), `topics`, `records`, `batches`, `producer`, `faust_fixes`.
The embedded log: `sqlite_log` over `log_file` (`group_commit` writes, `opening` and `sqlite_file`
know the file), `dead_pruning`, `dead_letters`, `transport`.
Kafka, where events come in: `kafka_log` (callers wait in `appends`) over `kafka_writer`, a thread
with `jobs` that makes `kafka_records` and calls `kafka_sender`, which has `kafka_producer`.
Its `spool`: `spool_file` on disk, `spool_backlog` for each partition, `spool_drain` sends,
`spool_search` looks with `kafka_scan` for what may be in Kafka.
Kafka, where events are read: `kafka_transport`, `kafka_offsets`, `kafka_dead` over
`kafka_dead_topic`. For both sides: `kafka_address`, `kafka_topics`, `kafka_put`.
"""
