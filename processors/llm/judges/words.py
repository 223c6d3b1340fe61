"""What a judge says and does, as the log takes it: scores, and the calls of its own. Pure."""

import hashlib
from uuid import NAMESPACE_OID, uuid5

import msgspec

from controlplane.llm.judge_queue import Word
from schemas.kinds import SCORE
from schemas.llm.answers import TraceAnswer
from schemas.llm.judges import Judge, Verdict
from schemas.times import iso_ms

MAX_COMMENT_CHARS = 10_000
MAX_ENVIRONMENT_CHARS = 256


def score_id_of(judge: Judge, trace_id: str) -> str:
    """Returns the id of the score that a judge gives a call: always the same."""
    return f"judge-{uuid5(NAMESPACE_OID, f'{judge.id}/{judge.revision}/{trace_id}')}"


def score_word(judge: Judge, answer: TraceAnswer, verdict: Verdict, now_us: int) -> Word:
    """Returns the score of a call."""
    score_id = score_id_of(judge, answer.trace_id)
    body: dict[str, object] = {
        "id": score_id,
        "name": judge.name,
        "value": verdict.value,
        "trace_id": answer.trace_id,
        "source": "eval",
        "author": judge.name,
        "timestamp": iso_ms(now_us),
        "updated_at": iso_ms(now_us),
        "metadata": {"judge.id": judge.id, "judge.revision": judge.revision},
    }
    if verdict.comment:
        body["comment"] = verdict.comment[:MAX_COMMENT_CHARS]
    if answer.environment:
        body["environment"] = answer.environment[:MAX_ENVIRONMENT_CHARS]
    encoded = msgspec.json.encode(body)
    sending = hashlib.blake2b(encoded, digest_size=8).hexdigest()
    return Word(SCORE.name, f"{score_id}:{sending}", encoded)
