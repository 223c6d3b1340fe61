"""`sluice reseal`: the last step of a change of the installation's secret."""

import typer

from sluice.commands.control import Control, run
from sluice.commands.errors import CommandError
from sluice.commands.options import DataDir


def reseal(data_dir: DataDir = None) -> None:
    """Seal what another secret sealed with the one of now. Needs both, and may be repeated.

    SLUICE_SECRET is the new one, SLUICE_OTHER_SECRETS holds the old one.
    """
    from controlplane import resealing
    from sluice.resealing import COLUMNS

    async def work(control: Control) -> resealing.Resealed:
        return await resealing.reseal(control.database, control.vault, COLUMNS)

    found = run(work, data_dir)
    typer.echo(f"sealed anew: {found.changed}, as they were: {found.unchanged}")
    if found.unreadable:
        raise CommandError(
            f"no secret opens {found.unreadable} values: name the one that sealed them in"
            " SLUICE_OTHER_SECRETS, and repeat this"
        )
