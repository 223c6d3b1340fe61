-- deployments: one row per deployment of an app, for dashboards that read the store and not the control plane.
-- Written by: clickhouse/deployments.py, from what the control plane keeps, within a minute after a deployment has
--   changed. Read by: the dashboards of grafana/.
-- Repeats: a deployment that has changed has a newer row until merges take the older one: read it with FINAL.
-- Lives: as clickhouse/retention.py says for what outlives the rows of events; received_date is the day of created_at.
-- ORDER BY: the deployments of one project. All rows of one lie in one partition, for created_at never changes.
-- began_at: when a deployer took it, switched_at: when it took over, ended_at: when it failed, was cancelled or gave
--   way to another; NULL for what has not happened. No names of people, and no messages of commits.
CREATE TABLE IF NOT EXISTS deployments
(
    project_id LowCardinality(String),
    deployment_id String CODEC(ZSTD(1)),
    received_date Date MATERIALIZED toDate(created_at),
    environment LowCardinality(String),
    kind LowCardinality(String),
    origin LowCardinality(String),
    status LowCardinality(String),
    phase LowCardinality(String),
    commit_sha String CODEC(ZSTD(1)),
    created_at DateTime64(6, 'UTC'),
    began_at Nullable(DateTime64(6, 'UTC')),
    switched_at Nullable(DateTime64(6, 'UTC')),
    ended_at Nullable(DateTime64(6, 'UTC')),
    noted_at DateTime64(6, 'UTC')
)
ENGINE = {replicated}ReplacingMergeTree(noted_at)
PARTITION BY toYYYYMM(created_at)
ORDER BY (project_id, deployment_id)
SETTINGS fsync_after_insert = 1,
    fsync_part_directory = 1;
