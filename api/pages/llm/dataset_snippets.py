"""What to copy to make a dataset and a run of it, with the address and the key of whoever looks."""

from api.auth import AnyRequest
from api.pages.parts.quality_snippets import experiment_snippets
from api.pages.parts.snippets import Snippet, key_for, url_of
from api.pages.viewer import Viewer

COMMANDS = """export SLUICE_API_KEY="{key}" URL="{url}"
cat > items.jsonl <<END
{{"id": "one", "input": {{"question": "Can I return this?"}}, "expected_output": "Yes."}}
END
sluice dataset push {name} items.jsonl --url "$URL"

# Your own program in place of jq: it reads the item, and prints its answer.
sluice experiment run {name} --run first --url "$URL" -- jq -r .input.question
sluice experiment run {name} --run second --url "$URL" -- echo Yes.
sluice experiment compare {name} first second --url "$URL\""""
CURL = """curl {url}/v1/datasets -H "Authorization: Bearer {key}" -d '{{"name": "{name}"}}'
curl {url}/v1/datasets/{name}/items -H "Authorization: Bearer {key}" -d '[{{
    "id": "one", "input": {{"question": "Can I return this?"}}, "expected_output": "Yes."}}]'"""
PYTHON = """# Calls say which item they answer, in which run: in Pulse's form in their metadata ...
call["metadata"] = {{
    "experiment.dataset": "{name}", "experiment.run": "first", "experiment.item": item["id"],
}}

# ... and with OpenTelemetry in attributes of the same names.
with tracer.start_as_current_span("chat", attributes={{
    "gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o",
    "experiment.dataset": "{name}", "experiment.run": "first", "experiment.item": item["id"],
}}):
    answer = ask(item["input"])"""


async def dataset_snippets(
    request: AnyRequest, viewer: Viewer, name: str = "support-questions"
) -> list[Snippet]:
    """Return samples; the key itself is shown to admins alone."""
    given = {"url": url_of(request), "key": await key_for(request, viewer), "name": name}
    return [
        ("With the command", COMMANDS.format(**given)),
        ("With curl", CURL.format(**given)),
        ("From Python: what calls of a run say", PYTHON.format(**given)),
        *await experiment_snippets(request, viewer, name),
    ]
