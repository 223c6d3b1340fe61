"""Which pages releases have."""

from api.pages.errors.releases.list import releases_page
from api.pages.errors.releases.one import release_page
from api.pages.errors.releases.wanted import suggest
from api.pages.navigation import Link

LINK = Link("Releases", "releases")
HANDLERS = (releases_page, release_page, suggest)
