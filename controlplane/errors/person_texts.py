"""What the control plane says of people in issues, alerts and releases."""

from controlplane.errors.alert_models import AlertHit, AlertRule
from controlplane.errors.models import Issue, IssueActivity
from controlplane.errors.release_models import ReleaseCommit
from controlplane.person_texts import Texts

TEXTS = (
    Texts("issues", Issue, ("title", "culprit")),
    Texts("changes of issues", IssueActivity, (), json=("data",)),
    Texts("commits of releases", ReleaseCommit, ("message", "author_name", "author_email")),
    Texts(
        "hits of alert rules",
        AlertHit,
        ("title",),
        through=(AlertHit.rule_id, AlertRule.id, AlertRule.project_id),
    ),
)
