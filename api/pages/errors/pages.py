"""Which pages the system `errors` has, in the order of the navigation."""

from api.pages.errors.issues.pages import SECTION

SECTIONS = (SECTION,)
