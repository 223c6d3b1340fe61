"""Where spans of transactions are: in `transaction_spans` those that came within their transaction,
in `streamed_spans` those that an SDK streamed by themselves. A span is in one of both.

Each function returns a SELECT that reads both, with the same columns. `timestamp` is when the
transaction began, of streamed ones when the span did; `started` is that of either.
"""

FOUND = """SELECT {columns}
    FROM {table}
    WHERE {where}"""
LAST = """ORDER BY timestamp DESC
    LIMIT {most:UInt32}"""
NEWEST = """SELECT {columns}
    FROM (({whole}) UNION ALL ({streamed}))
    {last}"""
BOTH = """{whole}
    UNION ALL
    {streamed}"""
# By the key of the table.
OF_ONE = """project_id = {project_id:String}
        AND timestamp = fromUnixTimestamp64Micro({at_us:Int64}, 'UTC')
        AND event_id = {event_id:String}"""
OF_MANY = """project_id = {project_id:String}
        AND toUnixTimestamp64Micro(timestamp) IN {moments:Array(Int64)}
        AND event_id IN {ids:Array(String)}"""
# Streamed ones may begin long before their transaction, or after its end: the sums know when.
STREAMED = """{which}
        AND timestamp >= (SELECT min(first) FROM streamed_span_sums WHERE {which})
        AND timestamp <= (SELECT max(last) FROM streamed_span_sums WHERE {which})"""
STREAMED_OF_ONE = STREAMED.replace(
    "{which}", "project_id = {project_id:String} AND event_id = {event_id:String}"
)
STREAMED_OF_MANY = STREAMED.replace(
    "{which}", "project_id = {project_id:String} AND event_id IN {ids:Array(String)}"
)


def of_one(columns: str) -> str:
    """The spans of one transaction; it binds `project_id`, `event_id` and `at_us`, its begin."""
    return _both(columns, OF_ONE, STREAMED_OF_ONE)


def streamed_of_one(columns: str) -> str:
    """The streamed ones alone of one transaction; it binds `project_id` and `event_id`."""
    return _found(columns, "streamed_spans", STREAMED_OF_ONE)


def of_many(columns: str) -> str:
    """Those of some transactions; it binds `project_id`, their `ids` and begins, `moments`."""
    return _both(columns, OF_MANY, STREAMED_OF_MANY)


def newest(columns: str, where: str) -> str:
    """The newest that fit, `most` of them; `where` is a condition that holds for both tables."""
    whole, streamed = (
        f"{_found(columns, table, where)}\n    {LAST}"
        for table in ("transaction_spans", "streamed_spans")
    )
    sql = NEWEST.replace("{columns}", columns).replace("{last}", LAST)
    return sql.replace("{whole}", whole).replace("{streamed}", streamed)


def _both(columns: str, whole: str, streamed: str) -> str:
    return BOTH.replace("{whole}", _found(columns, "transaction_spans", whole)).replace(
        "{streamed}", _found(columns, "streamed_spans", streamed)
    )


def _found(columns: str, table: str, where: str) -> str:
    sql = FOUND.replace("{columns}", columns).replace("{table}", table)
    return sql.replace("{where}", where)
