"""What a project sets for its errors."""

from msgspec import Struct

from schemas.errors.grouping import DEFAULT_CONFIG, GroupingConfig
from schemas.errors.masking import DEFAULT_RULES, MaskRules

MAX_AUTO_RESOLVE_DAYS = 3650


class ProjectErrorsSettings(Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """How events are masked before they are stored, how they are grouped, when issues end."""

    masking: MaskRules = DEFAULT_RULES
    grouping: GroupingConfig = DEFAULT_CONFIG
    auto_resolve_days: int | None = None
    """After so many days without an event an open issue is resolved; `None` for never."""


DEFAULT_SETTINGS = ProjectErrorsSettings()
