"""What may be said of datasets and their items."""

from contextlib import suppress
from typing import Any

import pytest

from controlplane.failures import BadRequest
from controlplane.llm.dataset_forms import details_text


@pytest.mark.parametrize("depth", [10, *range(850, 1_000, 10)])
def test_metadata_of_any_depth_are_taken_or_rejected(depth: int) -> None:
    details: Any = 1
    for _ in range(depth):
        details = [details]

    with suppress(BadRequest):
        assert details_text({"x": details}).count("[") == depth
