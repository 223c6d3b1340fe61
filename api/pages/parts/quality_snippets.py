"""What to copy to score calls, to fetch prompts, to run experiments and to ask budgets.

With the address and the key of whoever looks. A page's key is a DSN key, which everybody may read.
"""

from urllib.parse import quote

from api.auth import AnyRequest, services
from api.pages.parts.snippets import PLACE_OF_KEY, Sample, Snippet, key_for, url_of
from api.pages.viewer import Viewer
from controlplane.dsn import list_dsn_keys

PLACE_OF_DSN_KEY = "YOUR_DSN_KEY"
SCORE_CURL = """curl {url}/v1/scores \\
  -H "Authorization: Bearer {key}" -H 'Content-Type: application/json' -d '{{
    "name": "helpfulness", "value": 0.9, "trace_id": "ID_OF_A_CALL"}}'"""
SCORE_PYTHON = """import json, urllib.request

score = {{"name": "helpfulness", "value": 0.9, "trace_id": "ID_OF_A_CALL"}}
request = urllib.request.Request(
    "{url}/v1/scores",
    json.dumps(score).encode(),
    {{"Authorization": "Bearer {key}", "Content-Type": "application/json"}},
)
print(urllib.request.urlopen(request).read().decode())"""
SCORE_JAVASCRIPT = """const answer = await fetch("{url}/v1/scores", {{
  method: "POST",
  headers: {{ Authorization: "Bearer {key}", "Content-Type": "application/json" }},
  body: JSON.stringify({{ name: "helpfulness", value: 0.9, trace_id: "ID_OF_A_CALL" }}),
}});
console.log(answer.status, await answer.text());"""
SCORE_PAGE = """<button data-thumb="true">👍</button> <button data-thumb="false">👎</button>
<script>
  const traceId = "ID_OF_A_CALL"; // the page's server puts it here
  const visitor = localStorage.visitor ??= String(Math.random()).slice(2);
  for (const button of document.querySelectorAll("[data-thumb]"))
    button.addEventListener("click", () =>
      fetch("{url}/v1/scores/public?key={dsn_key}", {{
        method: "POST",
        body: JSON.stringify({{
          id: visitor, // whoever clicks twice changes their mind
          name: "thumbs", value: button.dataset.thumb === "true", trace_id: traceId,
        }}),
      }}));
</script>"""
PROMPT_PYTHON = """import json, time, urllib.request

kept = {{}}  # by name: until when it is fresh, its tag, the prompt


def prompt(name):
    until, tag, known = kept.get(name, (0.0, "", None))
    if time.monotonic() < until:
        return known
    headers = {{"Authorization": "Bearer {key}"}} | ({{"If-None-Match": tag}} if tag else {{}})
    request = urllib.request.Request("{url}/v1/prompts/" + name, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            tag, known = answer.headers["ETag"], json.load(answer)
    except OSError:  # 304: it is the same. Or nobody answers: what is known goes on
        if known is None:
            raise
    kept[name] = time.monotonic() + 60, tag, known
    return known


support = prompt("{prompt}")
print(support["version"], support["prompt"])
# With each call: "prompt_name": support["name"], "prompt_version": str(support["version"])"""
PROMPT_JAVASCRIPT = """const kept = new Map(); // by name: until when it is fresh, tag, prompt

async function prompt(name) {{
  const known = kept.get(name);
  if (known && Date.now() < known.until) return known.prompt;
  const headers = {{ Authorization: "Bearer {key}" }};
  if (known) headers["If-None-Match"] = known.tag;
  const answer = await fetch(`{url}/v1/prompts/${{name}}`, {{ headers }}).catch((error) => error);
  if (answer.ok) {{
    const until = Date.now() + 60_000;
    kept.set(name, {{ until, tag: answer.headers.get("etag"), prompt: await answer.json() }});
  }} else if (known) {{
    known.until = Date.now() + 60_000; // 304: it is the same. Or nobody answers
  }} else {{
    throw new Error(`no prompt ${{name}}: ${{answer.status ?? answer}}`);
  }}
  return kept.get(name).prompt;
}}

const support = await prompt("{prompt}");
console.log(support.version, support.prompt);
// With each call: prompt_name: support.name, prompt_version: String(support.version)"""
PROMPT_CURL = """curl {url}/v1/prompts/{prompt} -H "Authorization: Bearer {key}\""""
EXPERIMENT = """export SLUICE_API_KEY="{key}" URL="{url}"
BEFORE=$(git rev-parse --short origin/main) NOW=$(git rev-parse --short HEAD)

# Your own program in place of answer.sh: it reads an item, and prints its answer.
sluice experiment run {dataset} --run "$NOW" --url "$URL" -- ./answer.sh
# The build fails where a score fell by more than chance makes, or is too low.
sluice experiment compare {dataset} "$BEFORE" "$NOW" --url "$URL" \\
  --fail-worse --fail-below helpfulness=0.8"""
BUDGET_CURL = """# 200, or 429 with Retry-After where a budget that refuses is exceeded.
curl -i "{url}/v1/budgets/check?user_id=ann&model=gpt-4o&refuse=1" \\
  -H "Authorization: Bearer {key}\""""
BUDGET_PYTHON = """import urllib.error, urllib.parse, urllib.request


def may_call(user_id, model):
    asked = urllib.parse.urlencode({{"user_id": user_id, "model": model, "refuse": 1}})
    request = urllib.request.Request(
        "{url}/v1/budgets/check?" + asked, headers={{"Authorization": "Bearer {key}"}}
    )
    try:
        urllib.request.urlopen(request, timeout=0.5).close()
    except urllib.error.HTTPError as error:
        return error.code != 429
    except OSError:
        return True  # nobody answers: calls go on
    return True


print(may_call("ann", "gpt-4o"))"""
SCORES = (
    Sample("A score, with curl", SCORE_CURL),
    Sample("A score, from Python", SCORE_PYTHON, "It needs no package."),
    Sample("A score, from JavaScript", SCORE_JAVASCRIPT, "Node 18 or newer, Deno or Bun."),
    Sample(
        "A score, from a page",
        SCORE_PAGE,
        "With a DSN key, which everybody may read: it sends and reads nothing.",
    ),
)
PROMPTS = (
    Sample(
        "A prompt, from Python",
        PROMPT_PYTHON,
        "It asks once a minute, and goes on with what it knows while nobody answers.",
    ),
    Sample(
        "A prompt, from JavaScript",
        PROMPT_JAVASCRIPT,
        "It asks once a minute, and goes on with what it knows while nobody answers.",
    ),
    Sample("A prompt, with curl", PROMPT_CURL),
)
EXPERIMENTS = (
    Sample(
        "An experiment, in CI",
        EXPERIMENT,
        "It needs the command sluice, a dataset and a run of the commit before.",
    ),
)
BUDGETS = (
    Sample("A budget, asked by a gateway in Python", BUDGET_PYTHON, "Before each call."),
    Sample("A budget, asked with curl", BUDGET_CURL),
)


def quality_samples(url: str, key: str, *, dsn_key: str = PLACE_OF_DSN_KEY) -> list[Sample]:
    """Return a sample for each thing that is sent or asked beside calls."""
    every = (*SCORES, *PROMPTS, *EXPERIMENTS, *BUDGETS)
    return [
        Sample(one.title, filled(one, url=url, key=key, dsn_key=dsn_key), one.note) for one in every
    ]


def filled(sample: Sample, *, prompt: str = "support", **given: str) -> str:
    """Return a sample's text. The name of a prompt goes into it as into an address."""
    usual = {"dataset": "support-questions", "dsn_key": PLACE_OF_DSN_KEY}
    return sample.text.format_map(usual | given | {"prompt": quote(prompt, safe="")})


async def score_snippets(request: AnyRequest, viewer: Viewer) -> list[Snippet]:
    """Return samples that send a first score; the key itself is shown to admins alone."""
    keys = await list_dsn_keys(services(request).database, viewer.project.project_id)
    dsn_key = keys[0].public_key if keys else PLACE_OF_DSN_KEY
    return _snippets(request, await key_for(request, viewer), SCORES, dsn_key=dsn_key)


async def experiment_snippets(request: AnyRequest, viewer: Viewer, name: str) -> list[Snippet]:
    """Return what a CI runs; the key itself is shown to admins alone."""
    return _snippets(request, await key_for(request, viewer), EXPERIMENTS, dataset=name)


def prompt_snippets(request: AnyRequest, name: str = "support") -> list[Snippet]:
    """Return samples that fetch a prompt, with a stand-in for the key: its page is no empty one."""
    return _snippets(request, PLACE_OF_KEY, PROMPTS, prompt=name)


def budget_snippets(request: AnyRequest) -> list[Snippet]:
    """Return what a gateway asks, with a stand-in for the key: the page is no empty one."""
    return _snippets(request, PLACE_OF_KEY, BUDGETS)


def _snippets(
    request: AnyRequest, key: str, samples: tuple[Sample, ...], **given: str
) -> list[Snippet]:
    url = url_of(request)
    return [(one.title, filled(one, url=url, key=key, **given)) for one in samples]
