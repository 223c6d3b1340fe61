"""Which files are pictures that a browser may show: by their first bytes, never by their names.

What is left out is left out on purpose: SVG holds scripts.
"""

SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "jpeg"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
)


def picture_of(body: bytes) -> str:
    """Returns `png`, `jpeg`, `gif` or `webp`; empty for all else."""
    if body[:4] == b"RIFF" and body[8:12] == b"WEBP":
        return "webp"
    return next((name for begin, name in SIGNATURES if body.startswith(begin)), "")
