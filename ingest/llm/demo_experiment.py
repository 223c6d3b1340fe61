"""The dataset of the demo, and two runs of it: a short prompt, and one with the shop's rules."""

import random
import uuid
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

DATASET = "support-questions"
DESCRIPTION = "What customers ask most, with what an answer has to say"
QUESTIONS = (
    ("refund-1", "Can I return shoes that I wore once?", "Within 30 days, if they are clean."),
    ("refund-2", "When do I get my money back?", "Within 5 working days."),
    ("refund-3", "Who pays for sending it back?", "We do, within the EU."),
    ("delivery-1", "How long does delivery take?", "2 to 4 working days."),
    ("delivery-2", "Do you deliver to Norway?", "Yes, for 12 EUR."),
    ("delivery-3", "My parcel is late. What now?", "After 7 days we send it again."),
    ("order-1", "Can I change my order?", "Until it is packed, in your account."),
    ("order-2", "I got the wrong size.", "We send the right one at once."),
    ("order-3", "Where is my invoice?", "In your account, below Orders."),
    ("account-1", "How do I delete my account?", "In your account, below Privacy."),
    ("account-2", "I cannot sign in.", "Ask for a new password."),
    ("gift-1", "How long is a gift card valid?", "3 years."),
)
SHORT, LONG = "short-prompt", "with-rules"
SYSTEM = {
    SHORT: "Answer in one sentence.",
    LONG: "Answer in one sentence, by these rules of the shop: returns within 30 days, ...",
}
SAID = ("That depends.", "Please ask our support.", "Usually, yes.")
VAGUE = {SHORT: 0.55, LONG: 0.1}
"""How often an answer says nothing."""
SHARED: Mapping[str, Any] = {"provider": "openai", "model_requested": "gpt-4o-mini"}


class RunMade(NamedTuple):
    """The calls of one run, and what is thought of them."""

    calls: list[dict[str, Any]]
    scores: list[dict[str, Any]]


def items() -> list[dict[str, Any]]:
    """Returns the items of the dataset."""
    return [
        {"id": key, "input": {"question": asked}, "expected_output": expected}
        for key, asked, expected in QUESTIONS
    ]


def runs(seed: int, until: datetime) -> Iterator[RunMade]:
    """Yields both runs, of the last hours; the same seed makes the same ids."""
    for number, run in enumerate((SHORT, LONG)):
        rng = random.Random(f"experiment {seed} {run}")
        at = until - timedelta(minutes=90 - 40 * number)
        made = RunMade([], [])
        for key, asked, expected in QUESTIONS:
            at += timedelta(seconds=7)
            is_vague = rng.random() < VAGUE[run]
            call = _call(rng, run, (key, asked), rng.choice(SAID) if is_vague else expected)
            call["timestamp"] = at.isoformat()
            made.calls.append(call)
            made.scores.extend(_scores(rng, call, is_vague=is_vague))
        yield made


def _call(rng: random.Random, run: str, asked: tuple[str, str], answer: str) -> dict[str, Any]:
    key, question = asked
    said = {"experiment.dataset": DATASET, "experiment.run": run, "experiment.item": key}
    messages = [
        {"role": "system", "content": SYSTEM[run]},
        {"role": "user", "content": question},
    ]
    long = run == LONG
    return {
        **SHARED,
        "trace_id": str(uuid.UUID(int=rng.getrandbits(128), version=4)),
        "request_body": {"model": SHARED["model_requested"], "messages": messages},
        "output_text": answer,
        "status": "success",
        "latency_ms": round(rng.lognormvariate(6.6 if long else 6.3, 0.25), 1),
        "input_tokens": rng.randint(700, 760) if long else rng.randint(30, 50),
        "output_tokens": rng.randint(10, 30),
        "metadata": {**said, "environment": "experiment"},
    }


def _scores(rng: random.Random, call: dict[str, Any], *, is_vague: bool) -> list[dict[str, Any]]:
    helpful = round(rng.uniform(0.1, 0.5) if is_vague else rng.uniform(0.6, 1.0), 3)
    about = {
        **{"trace_id": call["trace_id"], "timestamp": call["timestamp"]},
        **{"updated_at": call["timestamp"], "source": "eval", "author": "gpt-4o"},
    }
    named = {"helpfulness": helpful, "correct": not is_vague}
    return [
        {"id": f"{call['trace_id']}.{name}", "name": name, "value": value, **about}
        for name, value in named.items()
    ]
