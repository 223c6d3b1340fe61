"""How a transaction ended, in the words of Sentry."""

from processors.errors.parts import Problems, note, text_of

CODES = (
    "ok",
    "cancelled",
    "unknown",
    "invalid_argument",
    "deadline_exceeded",
    "not_found",
    "already_exists",
    "permission_denied",
    "resource_exhausted",
    "failed_precondition",
    "aborted",
    "out_of_range",
    "unimplemented",
    "internal_error",
    "unavailable",
    "data_loss",
    "unauthenticated",
)
"""By their number in gRPC."""
WORDS = {
    "success": "ok",
    "error": "internal_error",
    "failure": "internal_error",
    "unknown_error": "unknown",
    "canceled": "cancelled",
}


def status_of(value: object, problems: Problems) -> str:
    """Returns a status given as a word or a number of gRPC; `unknown` where there is none."""
    if value is None:
        return "unknown"
    if isinstance(value, int) and not isinstance(value, bool):
        if 0 <= value < len(CODES):
            return CODES[value]
        note(problems, "status: unknown")
        return "unknown"
    word = text_of(value, "status", problems, 64).strip().lower()
    return WORDS.get(word, word) or "unknown"
