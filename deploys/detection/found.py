"""What a language has found in a folder."""

from msgspec import Struct


class Found(Struct, frozen=True, kw_only=True):
    """How it would be built and started. Empty: there is nothing to do, or it is not known."""

    language: str
    framework: str = ""
    package_manager: str = ""
    install: str = ""
    build: str = ""
    start: str = ""
    site: str = ""
    """Folder of files that are served as they are, once it is built."""
    why: str
