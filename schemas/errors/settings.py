"""What a project sets for its errors."""

from msgspec import Struct

from schemas.errors.grouping import DEFAULT_CONFIG, GroupingConfig
from schemas.errors.masking import DEFAULT_RULES, MaskRules


class ProjectErrorsSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """How events are masked before they are stored, and how they are grouped."""

    masking: MaskRules = DEFAULT_RULES
    grouping: GroupingConfig = DEFAULT_CONFIG


DEFAULT_SETTINGS = ProjectErrorsSettings()
