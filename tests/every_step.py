"""The steps of every kind, for tests that drive the sink without a process."""

from collections.abc import Callable, Mapping
from functools import partial

from processors.blocks import KindStep
from processors.deploys.steps import steps as deploy_steps
from processors.errors.grouping.groups import group_of
from processors.errors.steps import Meaning
from processors.errors.steps import steps as error_steps
from processors.llm.cost.own import Prices
from processors.llm.steps import steps as llm_steps
from processors.otel.steps import steps as otel_steps
from processors.uptime.steps import steps as uptime_steps
from schemas.errors.grouping import DEFAULT_CONFIG


def every_step(current: Callable[[], Prices]) -> Mapping[str, KindStep]:
    """Returns them by the name of their kind: with these prices, and errors as they came."""
    usual = Meaning(lambda item: item, partial(group_of, config=DEFAULT_CONFIG))
    return {
        **llm_steps(current),
        **error_steps(lambda: lambda _: usual),
        **uptime_steps(),
        **deploy_steps(),
        **otel_steps(current, lambda: lambda _: lambda item: item),
    }
