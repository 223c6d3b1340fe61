"""What the embedded engine is told of memory and merges as it opens: left alone, it takes the
machine's memory, and waits where it could go on."""

CACHE_PART = 16
"""Of the engine's memory, for each of its caches: by itself it takes 5 GB for each."""
MERGES_PART = 3
AT_ONCE = {"background_merges_mutations_concurrency_ratio": "16"}
"""For each of its threads, so many merges and changes of parts may be begun.

The engine makes a thread for each core, and of itself begins two for each. A deletion changes every
part of a table one by one; where as many are begun as may be, the engine looks again only 0.1 s
later, and ever later after that. On two cores a deletion of 24 small parts took 3.5 s and
takes 0.1 s so, for the same processor time (docs/performance.md).
"""


def engine_options(memory_bytes: int) -> dict[str, str]:
    """Returns the server settings of the engine as a whole; none that bound it where 0 is given.

    What meets the bound fails, and is tried again: an insert for ever, a merge later.
    """
    if not memory_bytes:
        return AT_ONCE
    cache = str(memory_bytes // CACHE_PART)
    return AT_ONCE | {
        "max_server_memory_usage": str(memory_bytes),
        # Beyond it no new merge begins.
        "merges_mutations_memory_usage_soft_limit": str(memory_bytes // MERGES_PART),
        "mark_cache_size": cache,
        "index_mark_cache_size": cache,
        "primary_index_cache_size": cache,
        # The filters that find a trace by its id: read anew, they are two thirds of its time.
        "index_uncompressed_cache_size": cache,
    }
