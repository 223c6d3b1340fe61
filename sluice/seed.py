"""What an empty control plane is filled with, as the settings say it."""

from controlplane.initial import Seed
from schemas.settings import Settings


def seed_of(settings: Settings) -> Seed:
    """Returns the project, key and person that the first start makes."""
    return Seed(
        project_name=settings.init_project,
        api_key=settings.init_api_key,
        user_email=settings.init_user_email,
        user_password=settings.init_user_password,
    )
