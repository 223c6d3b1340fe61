"""What a reader and a writer may do, as the engine is told when it opens."""

from enum import StrEnum

MAX_EXECUTION_S = 3600
MAX_MEMORY_BYTES = 4 << 30
"""Of one call, with the answer where that is held as a whole."""
TABLE_ENGINES = (
    "MergeTree", "ReplacingMergeTree", "SummingMergeTree", "AggregatingMergeTree",
    "CollapsingMergeTree", "VersionedCollapsingMergeTree", "Memory", "Null", "Log", "TinyLog",
    "StripeLog", "Set", "Join", "Buffer", "Merge",
)  # fmt: skip
"""Those that keep their rows in the store, or nowhere."""
GRANTS = (
    "GRANT SHOW, SELECT, INSERT, ALTER TABLE, ALTER VIEW, CREATE DATABASE, CREATE TABLE,"
    " CREATE VIEW, DROP, TRUNCATE, OPTIMIZE, UNDROP TABLE, dictGet ON *.*",
    *(f"GRANT TABLE ENGINE ON {name}" for name in TABLE_ENGINES),
    # No handle opens without it.
    "REVOKE DROP DATABASE ON default.*",
)
# No default database for the engine to make: chDB would lay the file system over it as tables.
CONFIG = """<clickhouse>
  <users_config>{users}</users_config>
  <default_database></default_database>
  <database>default</database>
</clickhouse>
"""
USERS = """<clickhouse>
  <profiles><default><constraints>
    <dialect><const/></dialect>
    <max_execution_time><min>1</min><max>{max_execution_s}</max></max_execution_time>
    <max_memory_usage><min>1</min><max>{max_memory_bytes}</max></max_memory_usage>
  </constraints></default></profiles>
  <users><default>
    <password></password>
    <networks><ip>::/0</ip></networks>
    <profile>default</profile>
    <quota>default</quota>
    <grants>{grants}</grants>
  </default></users>
  <quotas><default/></quotas>
</clickhouse>
"""


class Rights(StrEnum):
    """What a user may do."""

    READ = "readonly"
    WRITE = "write"
