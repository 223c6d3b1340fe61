"""A site of files that are served as they are."""

from deploys.detection.files import Files
from deploys.detection.found import Found

FOLDERS = (".", "public", "dist", "build", "site", "_site", "docs")


def find_site(files: Files) -> Found | None:
    """Returns which folder is served, `None` where there is no site."""
    for folder in FOLDERS:
        name = "index.html" if folder == "." else f"{folder}/index.html"
        if files.has(name):
            return Found(
                language="static",
                site=folder,
                why=f"{name} says that this is a static site, which Sluice serves",
            )
    return None
