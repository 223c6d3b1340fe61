"""A fatal error in librdkafka's producer, as the library's own tests provoke one."""

import ctypes
from pathlib import Path
from typing import Any

from confluent_kafka import KafkaError, Producer


def break_producer(producer: Producer) -> None:
    """Gives a producer the fatal error that a lost sequence of records ends in."""
    # Behind the head of every Python object the client keeps librdkafka's handle.
    handle = ctypes.c_void_p.from_address(id(producer) + object.__basicsize__).value
    fail: Any = ctypes.CDLL(_library()).rd_kafka_test_fatal_error
    fail.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p]
    assert fail(handle, KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER, b"provoked") == 0


def _library() -> str:
    """Returns the file that the client of this process has loaded."""
    for line in Path("/proc/self/maps").read_text().splitlines():
        if "librdkafka" in line:
            return line.split(maxsplit=5)[5]
    raise AssertionError("librdkafka is not loaded as a library of its own")
