"""What the embedded engine is told of memory as it opens: left alone, it takes the machine's."""

CACHE_PART = 16
"""Of the engine's memory, for each of its caches: by itself it takes 5 GB for each."""
MERGES_PART = 3


def engine_options(memory_bytes: int) -> dict[str, str]:
    """Returns the server settings that bound the engine as a whole; none where 0 is given.

    What meets the bound fails, and is tried again: an insert for ever, a merge later.
    """
    if not memory_bytes:
        return {}
    cache = str(memory_bytes // CACHE_PART)
    return {
        "max_server_memory_usage": str(memory_bytes),
        # Beyond it no new merge begins.
        "merges_mutations_memory_usage_soft_limit": str(memory_bytes // MERGES_PART),
        "mark_cache_size": cache,
        "index_mark_cache_size": cache,
        "primary_index_cache_size": cache,
        # The filters that find a trace by its id: read anew, they are two thirds of its time.
        "index_uncompressed_cache_size": cache,
    }
