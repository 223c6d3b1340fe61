"""Langfuse's SDK, of version 3 or 5: a prompt, a dataset, an experiment over it, and scores."""

from importlib.metadata import version
from typing import Any

from exporters import KEY, SERVER
from langfuse import Evaluation, Langfuse

made = Langfuse(public_key="pk-lf-any", secret_key=KEY, host=SERVER)
assert made.auth_check()
prompt = made.get_prompt("support")
assert (prompt.version, prompt.compile(company="Acme")) == (1, "You are of Acme.")

made.create_dataset(name="sums", description="Of two numbers")
for number in range(3):
    made.create_dataset_item(
        dataset_name="sums", id=f"q{number}", input=[number, 1], expected_output=number + 1
    )
made.create_dataset_item(dataset_name="sums", id="old", input=[0, 0])
made.create_dataset_item(dataset_name="sums", id="old", status="ARCHIVED")


def begin() -> Any:
    """Begins a call of a model, as this version names it."""
    told = {"name": "sum", "model": "gpt-4o"}
    if version("langfuse").startswith("3."):
        return made.start_as_current_generation(**told)
    return made.start_as_current_observation(as_type="generation", **told)


def answer(*, item: Any, **_: Any) -> int:
    with begin() as call:
        said = int(sum(item.input)) if item.id != "q2" else 0
        call.update(output=said, usage_details={"input": 10, "output": 1})
        call.score(name="sure", value="yes", data_type="CATEGORICAL")
        call.score_trace(name="short", value=1, data_type="BOOLEAN")
    return said


def is_right(*, output: Any, expected_output: Any, **_: Any) -> Evaluation:
    return Evaluation(name="right", value=float(output == expected_output), comment="compared")


dataset = made.get_dataset("sums", fetch_items_page_size=2)
assert [item.id for item in dataset.items] == ["q0", "q1", "q2"]
dataset.run_experiment(name="sums", run_name="first", task=answer, evaluators=[is_right])
made.create_score(name="stars", value=4, session_id="conv-1")
made.shutdown()
