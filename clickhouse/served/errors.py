"""How a statement is refused, in ClickHouse's words.

EngineError     what the engine, or what checks before it, says no with: a code and a text
"""

from clickhouse.served.codes import Code


class EngineError(Exception):
    """Raised when a statement is refused or fails; `code` is ClickHouse's."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def refusal(code: Code, text: str) -> EngineError:
    """Returns an error of ours in the engine's words."""
    return EngineError(code, f"Code: {code:d}. DB::Exception: {text} ({code.name})")
