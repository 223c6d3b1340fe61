"""What OpenTelemetry says of runs of datasets keeps its names, from spans and from resources."""

from processors.otel.meaning import read_span
from tests.unit.processors.otel.made import span

CALL = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o"}


def test_a_call_says_its_run_in_its_own_attributes_or_in_its_resource() -> None:
    own = {"experiment.item": "q1", "experiment.run": "own"}
    around = {"experiment.dataset": "d", "experiment.run": "around", "host.name": "h"}

    found = read_span(span(CALL | own, resource=around))

    expected = {"experiment.dataset": "d", "experiment.item": "q1", "experiment.run": "own"}
    assert found.metadata == expected
    assert not found.rest.keys() & own.keys()


def test_the_metadata_of_other_senders_keep_them_too() -> None:
    sent = {"langfuse.trace.metadata.experiment.run": "r", "metadata": '{"experiment.item":"q1"}'}

    found = read_span(span(CALL | sent))

    assert found.metadata == {"experiment.run": "r", "experiment.item": "q1"}


def test_the_spans_of_an_experiment_of_langfuses_sdks_say_its_run() -> None:
    sent = {
        "langfuse.observation.type": "generation",
        "langfuse.experiment.id": "9f2c",
        "langfuse.experiment.name": "first",
        "langfuse.experiment.dataset.id": "d",
        "langfuse.experiment.item.id": "q1",
    }

    found = read_span(span(CALL | sent))

    assert found.metadata == {
        "experiment.dataset": "d",
        "experiment.run": "first",
        "experiment.item": "q1",
    }
    assert "langfuse.experiment.name" not in found.rest
