"""Errors in an envelope: where a code for programs goes with what people read."""

from typing import Any

from msgspec import Struct


class Failure(Struct, frozen=True):
    """Why nothing was done."""

    code: str
    message: str
    details: list[Any]


class FailureAnswer(Struct, frozen=True):
    """The envelope of every error; `message` is at the top too: there clients look for it."""

    error: Failure
    message: str
