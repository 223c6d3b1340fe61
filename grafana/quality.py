"""The dashboard of quality and money: prompts, experiments, judges, budgets."""

from grafana import experiments, judging, prompts, spending, variables
from grafana.panels import Json, Row, arranged
from grafana.sql import BILLED, WITHIN, chosen

UID = "sluice-quality"
PROMPTS = f"""WITH $__fromTime_ms AS since, $__toTime_ms AS until
SELECT encodeURLComponent(any(prompt)) AS value, any(prompt) AS text
FROM traces
WHERE {WITHIN}{BILLED}
    AND prompt != ''
    AND {chosen("project_id", "project")}
GROUP BY cityHash64(prompt)
ORDER BY count() DESC, text
LIMIT 200"""


def build() -> Json:
    """Returns the dashboard."""
    rows = [
        Row("Prompts", prompts.panels()),
        Row("Experiments", experiments.panels()),
        Row("Judges", judging.panels()),
        Row("Budgets", spending.panels()),
    ]
    return variables.board(
        UID,
        "LLM quality and budgets",
        "Prompts by version, runs of datasets, judges, and spend against a limit: what calls came"
        " to, by the time of the calls, and what scores say of them.",
        filters=[
            variables.source(),
            variables.projects(),
            variables.asked("prompt", "Prompt", PROMPTS),
            variables.values("model", "Model", "model_requested", "trace_sums"),
            variables.values("environment", "Environment", "environment", "trace_sums"),
            variables.values("user", "User", "user_id", "session_sums"),
            variables.cost(),
            spending.limit(),
            variables.address(),
        ],
        panels=arranged(rows),
        annotations=[variables.deployments()],
    )
