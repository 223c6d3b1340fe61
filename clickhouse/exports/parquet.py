"""Parquet made of Arrow as the engine gives it, row group by row group: its end is written last."""

from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

COMPRESSION = "zstd"


class ParquetFile:
    """One file on its way. What it holds at any time are the rows of one part."""

    def __init__(self) -> None:
        self._sink = _Taken()
        self._writer: Any = None

    def add(self, arrow_stream: bytes) -> bytes:
        """Returns what the file goes on with when it has these rows too. Blocking."""
        with pa.ipc.open_stream(pa.py_buffer(arrow_stream)) as reader:
            table = reader.read_all()
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._sink, table.schema, compression=COMPRESSION)
        if table.num_rows:
            self._writer.write_table(table, row_group_size=max(1, table.num_rows))
        return self._sink.take()

    def end(self) -> bytes:
        """Returns its end, which says what stands where."""
        self._writer.close()
        return self._sink.take()


class _Taken:
    """A file that is taken away while it is written."""

    closed = False

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._written = 0

    def write(self, data: Any) -> int:
        piece = bytes(data)
        self._pieces.append(piece)
        self._written += len(piece)
        return len(piece)

    def tell(self) -> int:
        return self._written

    def flush(self) -> None:
        """Nothing waits here."""

    def close(self) -> None:
        """Nothing is open."""

    def readable(self) -> bool:
        return False

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False

    def take(self) -> bytes:
        taken = b"".join(self._pieces)
        self._pieces.clear()
        return taken
