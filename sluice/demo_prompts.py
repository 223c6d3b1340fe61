"""The prompt that the demo keeps, in two versions. Made once."""

from controlplane.database import Database
from controlplane.llm.prompts import add_version, list_prompts
from ingest.llm.demo_prompts import MESSAGES, NAMED, VERSIONS
from schemas.llm.prompts import PRODUCTION, PromptForm
from schemas.projects import ProjectId

CONFIG = {"model": "gpt-4o", "temperature": 0.2}


async def keep_prompts(database: Database, project_id: ProjectId) -> None:
    """Keeps it where it is not there."""
    if any(one.name == NAMED for one in await list_prompts(database, project_id)):
        return
    for text, message in zip(VERSIONS, MESSAGES, strict=True):
        form = PromptForm(
            name=NAMED, prompt=text, config=CONFIG, labels=(PRODUCTION,), message=message
        )
        await add_version(database, project_id, form, author="demo")
