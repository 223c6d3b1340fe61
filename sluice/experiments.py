"""What `sluice experiment run` does: a command for each item, and a call for what it answers."""

import subprocess
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Any, NamedTuple
from urllib.parse import quote

import msgspec

from sluice.asking import Asker

MOST_OUTPUT_CHARS = 200_000
MOST_ERROR_CHARS = 10_000
PAGE = 500


class Plan(NamedTuple):
    """What is run, over what."""

    dataset: str
    version: int
    run: str
    command: Sequence[str]
    timeout_s: float


class Answer(NamedTuple):
    """What the command came to for one item."""

    output: str
    error: str
    """Empty where it did well."""
    started: datetime
    latency_ms: float


def items_of(server: Asker, dataset: str, version: int) -> Iterator[dict[str, Any]]:
    """Yield the items of a version that are not archived. Raises `CommandError`."""
    asked: dict[str, object] = {"as_of": version, "limit": PAGE}
    while True:
        page = server.get(f"/v1/datasets/{dataset}/items", **asked)
        yield from page["items"]
        if page["next_cursor"] is None:
            return
        asked["cursor"] = page["next_cursor"]


def answer_of(plan: Plan, item: Mapping[str, Any], environ: Mapping[str, str]) -> Answer:
    """Run the command for an item. What it prints is its answer, what it says beside its error."""
    started, begun = datetime.now(UTC), time.perf_counter()
    output, error = b"", ""
    try:
        done = subprocess.run(
            plan.command,
            input=msgspec.json.encode(item),
            capture_output=True,
            timeout=plan.timeout_s,
            env={**environ, **names_of(plan, item["id"], environ)},
            check=False,
        )
        output = done.stdout
        if done.returncode:
            told = done.stderr.decode(errors="replace").strip()
            error = told[-MOST_ERROR_CHARS:] or f"exit code {done.returncode}"
    except subprocess.TimeoutExpired:
        error = f"it took longer than {plan.timeout_s:g} s"
    latency_ms = (time.perf_counter() - begun) * 1000
    text = output.decode(errors="replace").removesuffix("\n")[:MOST_OUTPUT_CHARS]
    return Answer(text, error, started, round(latency_ms, 3))


def names_of(plan: Plan, item_id: str, environ: Mapping[str, str]) -> dict[str, str]:
    """Return what the environment says of an item, beside what stands there.

    Values in `OTEL_RESOURCE_ATTRIBUTES` and in W3C baggage are percent-encoded (OpenTelemetry's
    resource SDK, "Specifying resource information via an environment variable").
    """
    said = metadata_of(plan, item_id)
    pairs = ",".join(f"{name}={quote(value, safe='')}" for name, value in said.items())
    around = {
        name: ",".join(filter(None, (environ.get(name, ""), pairs)))
        for name in ("OTEL_RESOURCE_ATTRIBUTES", "BAGGAGE")
    }
    return {name.replace(".", "_").upper(): value for name, value in said.items()} | around


def metadata_of(plan: Plan, item_id: str) -> dict[str, str]:
    """Return what calls say of an item."""
    return {
        "experiment.dataset": plan.dataset,
        "experiment.run": plan.run,
        "experiment.item": item_id,
        "experiment.version": str(plan.version),
    }


def call_of(plan: Plan, item: Mapping[str, Any], answer: Answer) -> dict[str, Any]:
    """Return the call that says what the command answered, in Pulse's form."""
    call = {
        "trace_id": str(uuid.uuid4()),
        "timestamp": answer.started.isoformat().replace("+00:00", "Z"),
        "provider": "command",
        "model_requested": PurePath(plan.command[0]).name or "command",
        "request_body": {"input": item["input"]},
        "status": "error" if answer.error else "success",
        "latency_ms": answer.latency_ms,
        "output_text": answer.output,
        "metadata": metadata_of(plan, item["id"]),
    }
    return call | ({"error": {"message": answer.error}} if answer.error else {})
