"""What a reader and a writer may do and set, as the engine is told when it opens.

The lists say what is allowed; whatever they do not name is refused, also what a later engine
brings.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple
from xml.sax.saxutils import escape

MAX_EXECUTION_S = 3600
MAX_THREADS = 32
MAX_BLOCK_ROWS = 4_000_000
CALL_MEMORY_BYTES = 4 << 30
"""Of one call that names no other bound; all calls together have `Limits.memory_bytes`."""
LEAST_SPILL_BYTES, MOST_SPILL_BYTES = 1 << 20, 1 << 40
"""Of a sort or a group in memory, before it goes on with temporary files."""
TABLE_ENGINES = (
    "MergeTree", "ReplacingMergeTree", "SummingMergeTree", "AggregatingMergeTree",
    "CollapsingMergeTree", "VersionedCollapsingMergeTree",
)  # fmt: skip
"""Those that keep their rows in the store. The engine's grants do not hold an engine back."""
TABLE_FUNCTIONS = frozenset(
    {
        "file", "format", "fuzzjson", "fuzzquery", "generate_series", "generaterandom",
        "generateseries", "input", "loop", "merge", "mergetreeanalyzeindexes",
        "mergetreecodecblockcounts",
        "mergetreeindex", "mergetreeprojection", "mergetreetextindex", "null", "numbers",
        "numbers_mt", "primes", "sqlstandardvalues", "values", "view", "viewexplain",
        "viewifpermitted", "zeros", "zeros_mt",
    }
)  # fmt: skip
"""Those that make rows of their arguments or of the store's tables, in lower case.
Of the others some open what they name before the engine looks at its grants: SQLite's makes a file.
`file` is a function of values too, and as one of tables it asks for a grant first."""
GRANTS = (
    "GRANT SHOW, SELECT ON *.*",
    "GRANT INSERT, ALTER TABLE, ALTER VIEW, CREATE TABLE, CREATE VIEW, DROP TABLE, DROP VIEW,"
    " TRUNCATE, OPTIMIZE ON default.*",
    *(f"GRANT TABLE ENGINE ON {name}" for name in TABLE_ENGINES),
)


class EngineLimits(NamedTuple):
    """What holds for each call unless the call says otherwise, and for all calls together."""

    execution_s: int
    result_bytes: int
    memory_bytes: int


FREE = frozenset(
    {
        # Bounds in rows and time that a client gives itself. More of them stand in `BOUNDED`.
        "limit", "offset", "max_result_rows", "result_overflow_mode", "max_rows_to_read",
        "max_bytes_to_read", "read_overflow_mode", "max_rows_to_group_by", "group_by_overflow_mode",
        "timeout_overflow_mode", "distinct_overflow_mode", "max_rows_in_distinct",
        "sort_overflow_mode", "max_rows_to_sort",
        # What a query means.
        "database", "session_timezone", "join_use_nulls", "union_default_mode", "final", "extremes",
        "group_by_use_nulls", "aggregate_functions_null_for_empty", "totals_mode", "log_comment",
        "prefer_column_name_to_alias", "date_time_input_format",
        "cast_string_to_dynamic_use_inference",
        # How an answer is written.
        "date_time_output_format", "bool_true_representation", "bool_false_representation",
        "format_csv_delimiter", "format_csv_null_representation", "format_tsv_null_representation",
        "output_format_json_quote_64bit_integers", "output_format_json_quote_64bit_floats",
        "output_format_json_quote_denormals", "output_format_json_quote_decimals",
        "output_format_json_escape_forward_slashes", "output_format_json_array_of_rows",
        "output_format_json_named_tuples_as_objects", "output_format_decimal_trailing_zeros",
        "output_format_write_statistics", "output_format_csv_crlf_end_of_line",
        "output_format_tsv_crlf_end_of_line", "output_format_pretty_max_rows",
        "output_format_pretty_color", "output_format_arrow_string_as_string",
        "output_format_arrow_low_cardinality_as_dictionary",
        "output_format_parquet_string_as_string",
        # What our own client sends with a list of the newest rows: how far the engine reads ahead.
        "read_in_order_use_buffering",
        # And with an insert.
        "async_insert", "wait_for_async_insert", "insert_deduplicate", "insert_deduplication_token",
        "deduplicate_blocks_in_dependent_materialized_views", "min_insert_block_size_rows",
        "min_insert_block_size_bytes", "max_partitions_per_insert_block", "optimize_on_insert",
        # And with a change of rows, which a reader has no right to.
        "mutations_sync", "allow_nondeterministic_mutations",
        "mutations_execute_subqueries_on_initiator", "mutations_max_literal_size_to_replace",
        # What the transport takes for itself: clients look whether they may send it.
        "enable_http_compression", "http_zlib_compression_level", "send_progress_in_http_headers",
        "http_headers_progress_interval_ms", "cancel_http_readonly_queries_on_client_close",
        "add_http_cors_header", "log_queries", "http_make_head_request",
    }
)  # fmt: skip
"""What readers and writers may set to any value, by the URL and in a statement."""
BOUNDED = frozenset(
    {
        "max_execution_time", "max_memory_usage", "max_result_bytes", "max_threads",
        "max_block_size", "max_insert_block_size", "max_insert_block_size_rows",
        "max_bytes_before_external_group_by", "max_bytes_before_external_sort",
    }
)  # fmt: skip
"""What they may set within bounds."""
MAY_SET = FREE | BOUNDED
TABLE_SETTINGS = frozenset(
    {
        "non_replicated_deduplication_window", "fsync_after_insert", "fsync_part_directory",
        "index_granularity", "merge_selector_base", "min_bytes_for_wide_part",
    }
)  # fmt: skip
"""What a writer may say of a table that it makes: what our migrations do."""
BINDING = "query_cache_tag"
"""The setting that tells the engine's row policies whose rows a handle sees: ids with dots between
them, nothing for all. Nobody may set it; its own meaning is of a cache that nobody may use."""
POLICY = (
    f"getSetting('{BINDING}') = ''"
    f" OR has(splitByChar('.', getSetting('{BINDING}')), toString(project_id))"
)
# No default database for the engine to make: chDB would lay the file system over it as tables.
CONFIG = """<clickhouse>
  <users_config>{users}</users_config>
  <default_database></default_database>
  <database>default</database>
</clickhouse>
"""
USERS = """<clickhouse>
  <profiles><default><constraints>{constraints}</constraints></default></profiles>
  <users><default>
    <password></password>
    <networks><ip>::/0</ip></networks>
    <profile>default</profile>
    <quota>default</quota>
    <grants>{grants}</grants>
    <databases><default>{policies}</default></databases>
  </default></users>
  <quotas><default/></quotas>
</clickhouse>
"""


class Rights(StrEnum):
    """What a user may do."""

    READ = "readonly"
    WRITE = "write"


def write_users(known: Iterable[str], limits: EngineLimits, policed: Iterable[str] = ()) -> str:
    """Returns the file of users: one user, with grants, who may set what is allowed.

    `known` are the names of all settings that the engine has. Of the tables `policed` a handle sees
    the rows that its `BINDING` says.
    """
    constraints = "".join(
        f"<{name}><min>{least}</min><max>{most}</max></{name}>"
        for name, (least, most) in _bounds(limits).items()
    )
    refused = sorted(set(known) - MAY_SET)
    constraints += "".join(f"<{name}><const/></{name}>" for name in refused)
    grants = "".join(f"<query>{escape(grant)}</query>" for grant in GRANTS)
    policy = f"<filter>{escape(POLICY)}</filter>"
    policies = "".join(f"<{table}>{policy}</{table}>" for table in policed)
    return USERS.format(constraints=constraints, grants=grants, policies=policies)


def _bounds(limits: EngineLimits) -> dict[str, tuple[int, int]]:
    """Returns the least and the most of each in `BOUNDED`."""
    return {
        "max_execution_time": (1, MAX_EXECUTION_S),
        "max_memory_usage": (1, max(CALL_MEMORY_BYTES, limits.memory_bytes)),
        "max_result_bytes": (1, limits.result_bytes),
        "max_threads": (1, MAX_THREADS),
        "max_block_size": (1, MAX_BLOCK_ROWS),
        "max_insert_block_size": (1, MAX_BLOCK_ROWS),
        # Another name of the same, by which it would be refused.
        "max_insert_block_size_rows": (1, MAX_BLOCK_ROWS),
        # Less would make a file of every few rows.
        "max_bytes_before_external_group_by": (LEAST_SPILL_BYTES, MOST_SPILL_BYTES),
        "max_bytes_before_external_sort": (LEAST_SPILL_BYTES, MOST_SPILL_BYTES),
    }
