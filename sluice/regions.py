"""What `sluice prober` is set up with, wherever it runs."""

from probes.settings import ProberSettings
from schemas.settings import NO_REGION, PREFIX, SettingsError
from sluice.process import Process


def prober_settings_of(process: Process) -> ProberSettings:
    """Returns them, by the settings of the process. Raises `SettingsError`."""
    settings = process.settings
    if settings.prober_region == NO_REGION:
        raise SettingsError(f"{PREFIX}PROBER_REGION: sluice prober needs --region NAME")
    return ProberSettings(
        region=settings.prober_region,
        private_allowed=settings.private_targets == "allow",
        spool_path=process.paths.prober,
    )
