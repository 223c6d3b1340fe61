"""Metrics of several processes as those of one: each sample is the sum of theirs.

What a process that is gone has counted stays in the sum; what it measured goes with it.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from prometheus_client import CollectorRegistry, Metric
from prometheus_client.samples import Sample

MEASURED = "gauge"
BORN = "_created"
"""Not summed: the owner's own begin counts."""


class Series(NamedTuple):
    """One sample's place."""

    metric: str
    sample: str
    labels: tuple[tuple[str, str], ...]


Sums = dict[Series, float]


def counted(registry: CollectorRegistry) -> Sums:
    """Returns what a process has counted and measured, without what is 0."""
    return {
        _series(metric, sample): sample.value
        for metric in registry.collect()
        for sample in metric.samples
        if sample.value and not sample.name.endswith(BORN)
    }


def add(sums: Sums, more: Mapping[Series, float]) -> None:
    """Adds to sums."""
    for series, value in more.items():
        sums[series] = sums.get(series, 0.0) + value


def without_measures(sums: Mapping[Series, float], registry: CollectorRegistry) -> Sums:
    """Returns what stays of a process that is gone."""
    measures = {metric.name for metric in registry.collect() if metric.type == MEASURED}
    return {series: value for series, value in sums.items() if series.metric not in measures}


class Summed:
    """A registry with what other processes add to it, for `generate_latest`."""

    def __init__(
        self, registry: CollectorRegistry, others: Iterable[Mapping[Series, float]]
    ) -> None:
        self._registry = registry
        self._others: Sums = {}
        for one in others:
            add(self._others, one)

    def collect(self) -> Iterator[Metric]:
        """Yields each metric once."""
        for metric in self._registry.collect():
            yield self._added(metric)

    def _added(self, metric: Metric) -> Metric:
        whole = Metric(metric.name, metric.documentation, metric.type, metric.unit)
        left = {one: value for one, value in self._others.items() if one.metric == metric.name}
        for sample in metric.samples:
            value = sample.value + left.pop(_series(metric, sample), 0)
            whole.add_sample(sample.name, sample.labels, value)
        for series, value in left.items():
            whole.add_sample(series.sample, dict(series.labels), value)
        return whole


def _series(metric: Metric, sample: Sample) -> Series:
    return Series(metric.name, sample.name, tuple(sorted(sample.labels.items())))
