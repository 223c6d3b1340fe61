from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

import controlplane.deploys.models  # noqa: F401  # its tables join the metadata
import controlplane.erasure_models  # noqa: F401  # its tables join the metadata
import controlplane.errors.alert_models  # noqa: F401  # its tables join the metadata
import controlplane.errors.models  # noqa: F401  # its tables join the metadata
import controlplane.errors.release_models  # noqa: F401  # its tables join the metadata
import controlplane.errors.source_maps.models  # noqa: F401  # its tables join the metadata
import controlplane.export_models  # noqa: F401  # its tables join the metadata
import controlplane.llm.budget_models  # noqa: F401  # its tables join the metadata
import controlplane.llm.dataset_models  # noqa: F401  # its tables join the metadata
import controlplane.llm.judge_models  # noqa: F401  # its tables join the metadata
import controlplane.llm.prompt_models  # noqa: F401  # its tables join the metadata
import controlplane.llm.queue_models  # noqa: F401  # its tables join the metadata
import controlplane.outbox_models  # noqa: F401  # its tables join the metadata
import controlplane.retention_models  # noqa: F401  # its tables join the metadata
import controlplane.uptime.expiry_models  # noqa: F401  # its tables join the metadata
import controlplane.uptime.models  # noqa: F401  # its tables join the metadata
import controlplane.uptime.notice_models  # noqa: F401  # its tables join the metadata
import controlplane.uptime.page_models  # noqa: F401  # its tables join the metadata
import controlplane.webhook_models  # noqa: F401  # its tables join the metadata
from controlplane.database import MIGRATIONS, Database, newest_revision
from controlplane.models import metadata


def test_the_newest_file_is_the_head_of_the_history() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))

    assert ScriptDirectory.from_config(config).get_heads() == [newest_revision()]


async def test_models_and_history_describe_the_same_tables(database: Database) -> None:
    def differences(connection: Connection) -> list[object]:
        context = MigrationContext.configure(connection, opts={"compare_type": types_survive})
        return list(compare_metadata(context, metadata))

    # SQLite reads a BINARY(16) back as a number, since it keeps no types of its own.
    types_survive = not database.is_sqlite

    async with database.engine.connect() as connection:
        assert await connection.run_sync(differences) == []
