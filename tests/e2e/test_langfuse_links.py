"""Addresses of pages as Langfuse's SDKs print them."""

import pytest

from tests.e2e.server import Server


@pytest.mark.parametrize(
    ("printed", "page"),
    [
        ("traces/5b8efff798038103d269b633813fc60c", "otel/traces/5b8efff798038103d269b633813fc60c"),
        ("datasets/sums/runs/a%20b%26c", "llm/datasets/sums/run?run=a%20b%26c"),
        ("experiments/results?baseline=9f2c", "llm/datasets"),
    ],
)
def test_an_address_that_an_sdk_prints_leads_to_the_page(
    server: Server, printed: str, page: str
) -> None:
    with server.client(None) as client:
        answer = client.get(f"/project/one/{printed}", follow_redirects=False)

    assert (answer.status_code, answer.headers["location"]) == (303, f"/p/one/{page}")
