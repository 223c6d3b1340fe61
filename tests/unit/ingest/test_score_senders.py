"""How often pages may send scores, and who is told that it was too often."""

from collections.abc import Sequence

import pytest

from ingest.llm.score_senders import PublicLimits
from ingest.rejections import RateLimited
from schemas.projects import ProjectContext, ProjectId

PAGE = ProjectContext(ProjectId("5150a94d-0000-4000-8000-000000000001"))


@pytest.mark.parametrize(
    ("addresses", "says"),
    [
        (["a", "a", "a"], "2 requests a minute for each address"),
        (["a", "b", "c", "d"], "3 requests a minute for each project"),
    ],
)
def test_whoever_sends_too_often_is_told_which_limit_it_is(
    addresses: Sequence[str], says: str
) -> None:
    limits = PublicLimits(of_key=3, of_address=2)
    for address in addresses[:-1]:
        limits.take(PAGE, address)

    with pytest.raises(RateLimited, match=says):
        limits.take(PAGE, addresses[-1])
