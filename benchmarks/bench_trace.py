"""How much CPU the page of one large trace takes: `python -m benchmarks.bench_trace`.

A request of 1 MB with 200 messages, alone and against the call before it: its bodies are read and
compared, and its page is rendered. What the store takes is not in it.
"""

import random
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import msgspec
from msgspec import Raw, structs

from api.pages.addresses import Address
from api.pages.llm.trace import Opened, read_bodies
from api.pages.render import environment
from clickhouse.llm.trace_lines import TraceLine
from schemas.llm.answers import TraceAnswer
from schemas.llm.costs import CostAnswer, CostNow

SEED = 20261128
ROUNDS = 9
MESSAGES = 200
CHARS = 5_600
WORDS = ("alpha", "beta", "`code`", "**bold**", "the", "a", "of", "list", "value")
BLOCK = "```python\ndef f(x):\n    return x + 1  # a comment\n```\n\n"


def main() -> None:
    """Prints both figures."""
    rng = random.Random(SEED)
    messages = [{"role": "system", "content": _text(rng, 8000)}]
    messages += [_message(rng, number) for number in range(MESSAGES)]
    request = {"model": "m", "temperature": 0.2, "messages": messages}
    row = _row(request, {"choices": [{"message": {"content": _text(rng, 2000)}}]})
    before = Raw(msgspec.json.encode({**request, "messages": messages[:-4]}))
    size = len(row.request_body or b"")
    print(f"request of {size / 1e6:.2f} MB, {len(messages)} messages, seed {SEED}")
    for name, known in (("alone", None), ("against the call before", ("m", before))):
        reading = _least_ms(lambda known=known: read_bodies(row, known))
        read = read_bodies(row, known)
        rendering = _least_ms(lambda read=read: _rendered(row, read))
        kb = len(_rendered(row, read)) // 1024
        print(f"{name}: read {reading:.0f} ms, rendered {rendering:.0f} ms of CPU; {kb} KB")


def _least_ms(work: Callable[[], Any]) -> float:
    took = []
    for _ in range(ROUNDS):
        began = time.process_time()
        work()
        took.append(time.process_time() - began)
    return min(took) * 1000


def _rendered(row: TraceAnswer, read: Any) -> str:
    previous = _nothing(TraceLine, trace_id="before", model="m", timestamp_us=0)
    cost = _nothing(CostAnswer, parts=[], modifiers=[], reasons=[], now=CostNow(None, None, False))
    opened = Opened(row, 0, cost, read, previous, None)
    viewer = SimpleNamespace(project=SimpleNamespace(time_zone="UTC"))
    address = Address("", "/p/1/llm/traces", {}, "1")
    template = environment().get_template("llm/trace_drawer.html")
    return template.render(opened=opened, viewer=viewer, address=address)


def _row(request: Any, answer: Any) -> TraceAnswer:
    row = _nothing(TraceAnswer, trace_id="one", model_requested="m", status="success", provider="p")
    bodies = [Raw(msgspec.json.encode(one)) for one in (request, answer)]
    return structs.replace(row, request_body=bodies[0], response_body=bodies[1])


def _nothing(kind: Any, **values: Any) -> Any:
    return kind(**{**dict.fromkeys(kind.__struct_fields__), **values})


def _message(rng: random.Random, number: int) -> dict[str, Any]:
    if number % 4 == 1:
        function = {"name": "read", "arguments": '{"path": "a", "lines": [1, 2, 3]}'}
        call = {"id": f"call_{number}", "function": function}
        return {"role": "assistant", "content": _text(rng, CHARS // 2), "tool_calls": [call]}
    if number % 4 == 2:
        lines = [{"line": line, "text": _text(rng, 60)} for line in range(CHARS // 80)]
        content = msgspec.json.encode(lines).decode()
        return {"role": "tool", "tool_call_id": f"call_{number - 1}", "content": content}
    return {"role": "assistant" if number % 4 else "user", "content": _text(rng, CHARS)}


def _text(rng: random.Random, chars: int) -> str:
    text = ""
    while len(text) < chars:
        text += " ".join(rng.choices(WORDS, k=40)) + "\n\n- one\n- two\n\n"
        text += BLOCK if rng.random() < 0.3 else ""
    return text[:chars]


if __name__ == "__main__":
    main()
