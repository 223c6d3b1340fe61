-- projects: the live projects by name, and which cost counts in each, for dashboards that read the
-- store and not the control plane.
-- Written by: clickhouse/projects.py, after each change of the control plane. Read by: the same, and the
--   dashboards of grafana/.
-- Repeats: a changed project has a newer row until merges take the older one: read it with FINAL.
-- Lives: until the project is deleted.
-- ORDER BY: a project is looked up by its id.
CREATE TABLE IF NOT EXISTS projects
(
    project_id LowCardinality(String),
    name String,
    cost_preference LowCardinality(String),
    time_zone LowCardinality(String),
    changed_at DateTime64(6, 'UTC')
)
ENGINE = {replicated}ReplacingMergeTree(changed_at)
ORDER BY project_id
SETTINGS fsync_after_insert = 1,
    fsync_part_directory = 1;
