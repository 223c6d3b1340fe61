from typing import Any

import pytest

from ingest import rejections
from ingest.app import STATUS, exception_handlers


def kinds(root: type[rejections.Rejected]) -> list[type[rejections.Rejected]]:
    """Returns the classes that are raised: those without a class below."""
    below = root.__subclasses__()
    return [leaf for kind in below for leaf in kinds(kind)] if below else [root]


def answer(refused: rejections.Rejected) -> Any:
    handler: Any = exception_handlers()[rejections.Rejected]
    return handler(None, refused)


def test_every_refusal_has_its_status() -> None:
    assert set(STATUS) == set(kinds(rejections.Rejected))


@pytest.mark.parametrize(
    ("refused", "status", "headers"),
    [
        (rejections.RateLimited("x", retry_after_s=7), 429, {"Retry-After": "7"}),
        (rejections.TooManyBodies("x", retry_after_s=1), 503, {"Retry-After": "1"}),
        (rejections.Overloaded("x", retry_after_s=5), 503, {"Retry-After": "5"}),
        (rejections.TooSlow("x"), 408, {"Connection": "close"}),
        (rejections.ItemTooLarge("x"), 413, {}),
    ],
)
def test_a_refusal_says_when_to_come_again(
    refused: rejections.Rejected, status: int, headers: dict[str, str]
) -> None:
    given = answer(refused)

    assert (given.status_code, given.content) == (status, {"error": "x"})
    assert dict(given.headers) == headers
