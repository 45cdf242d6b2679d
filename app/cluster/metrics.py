"""Adds the metrics of all replicas of a service, so that one scrape has them all."""

from collections.abc import Iterable, Mapping

from prometheus_client import Metric
from prometheus_client.samples import Sample

# What the API process alone knows, and what is 1 for each model however many replicas it has.
_OWN = frozenset({"nordlyd_ready"})
_FLAGS = frozenset({"nordlyd_model_info"})
_LASTING = frozenset({"counter", "histogram"})


def merged(own: Iterable[Metric], others: Iterable[Iterable[Metric]]) -> list[Metric]:
    """Returns the metrics of a process, each with the values of others added to its own.

    Args:
        own: metrics of this process.
        others: the metrics of each other process.
    """
    families = {metric.name: _Family(metric) for metric in own}
    for metrics in others:
        for metric in metrics:
            if metric.name not in _OWN:
                families.setdefault(metric.name, _Family(metric, empty=True)).add(metric)
    return [family.metric() for family in families.values()]


def lasting(metrics: Iterable[Metric]) -> list[Metric]:
    """Returns the counters and histograms, which remain true when their process has ended."""
    return [metric for metric in metrics if metric.type in _LASTING]


class _Family:
    """One metric of several processes.

    Args:
        metric: of the first process.
        empty: whether to begin without its values.
    """

    def __init__(self, metric: Metric, *, empty: bool = False) -> None:
        self._metric = metric
        self._samples: dict[tuple[str, frozenset[tuple[str, str]]], Sample] = {}
        if not empty:
            self.add(metric)

    def add(self, metric: Metric) -> None:
        """Adds the values of another process."""
        for sample in metric.samples:
            key = sample.name, frozenset(sample.labels.items())
            known = self._samples.get(key)
            self._samples[key] = sample if known is None else self._sum(known, sample)

    def metric(self) -> Metric:
        """Returns the metric with all values."""
        result = Metric(self._metric.name, self._metric.documentation, self._metric.type)
        result.samples = list(self._samples.values())
        return result

    def _sum(self, known: Sample, other: Sample) -> Sample:
        if known.name.endswith("_created"):
            value = min(known.value, other.value)
        elif self._metric.name in _FLAGS:
            value = max(known.value, other.value)
        else:
            value = known.value + other.value
        return known._replace(value=value)


def by_caller(
    reports: Iterable[Mapping[str, tuple[int, float]]],
) -> dict[str, tuple[int, float]]:
    """Returns the requests and the audio seconds of each caller, of all replicas together."""
    found: dict[str, tuple[int, float]] = {}
    for report in reports:
        for caller, (requests, seconds) in report.items():
            before = found.get(caller, (0, 0.0))
            found[caller] = before[0] + requests, before[1] + seconds
    return found
