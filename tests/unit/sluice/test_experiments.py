"""What a command of `sluice experiment run` is told, and the call that says what it answered."""

import json
import sys
from urllib.parse import unquote

import pytest

from sluice.commands.errors import WrongCall
from sluice.commands.experiments import _below, _limits, _worse
from sluice.experiments import Plan, answer_of, call_of

ITEM = {"id": "a=1", "input": {"q": "Why?"}}


def plan(code: str, timeout_s: float = 20) -> Plan:
    return Plan("shop", 3, "a, run", [sys.executable, "-c", code], timeout_s)


def test_a_command_reads_the_item_and_finds_its_run_in_the_environment() -> None:
    code = "import os, sys; print(sys.stdin.read()); print(os.environ['OTEL_RESOURCE_ATTRIBUTES'])"
    code += "; print(os.environ['EXPERIMENT_ITEM'], os.environ['EXPERIMENT_RUN'])"

    answer = answer_of(plan(code), ITEM, {"OTEL_RESOURCE_ATTRIBUTES": "service.name=x"})

    item, attributes, named = answer.output.split("\n")
    assert json.loads(item) == ITEM
    pairs = dict(one.split("=") for one in attributes.split(","))
    assert {name: unquote(value) for name, value in pairs.items()} == {
        "service.name": "x",
        "experiment.dataset": "shop",
        "experiment.run": "a, run",
        "experiment.item": "a=1",
        "experiment.version": "3",
    }
    assert (named, answer.error) == ("a=1 a, run", "")


def test_a_command_that_fails_or_hangs_makes_a_failed_call() -> None:
    failing = plan("import sys; print('half'); sys.exit('no such model')")
    failed = answer_of(failing, ITEM, {})
    hung = answer_of(plan("import time; time.sleep(60)", timeout_s=0.2), ITEM, {})

    call = call_of(failing, ITEM, failed)

    assert (call["status"], call["error"]) == ("error", {"message": "no such model"})
    assert (call["output_text"], call["request_body"]) == ("half", {"input": {"q": "Why?"}})
    assert call["metadata"]["experiment.item"] == "a=1"
    assert hung.error == "it took longer than 0.2 s"


@pytest.mark.parametrize("text", ["helpfulness", "=1", "helpfulness=much"])
def test_a_bad_limit_is_a_wrong_call(text: str) -> None:
    with pytest.raises(WrongCall, match="NAME=NUMBER"):
        _limits([text])


def test_ci_fails_for_averages_that_are_too_low_and_scores_that_fell() -> None:
    worse = {"measure": "score.a=b", "is_more_than_chance": True, "difference": -0.25}
    found = {
        "b": {"scores": [{"name": "a=b", "average": 0.5}, {"name": "tone", "average": None}]},
        "measures": [worse, worse | {"is_more_than_chance": False}, worse | {"measure": "cost"}],
    }

    assert _below(found, _limits(["a=b=0.6", "tone=0"])) == [
        "a=b: 0.5 is below 0.6",
        "tone: run B has no such score",
    ]
    assert _below(found, _limits(["a=b=0.5"])) == []
    assert _worse(found) == ["a=b: worse by 0.25"]
