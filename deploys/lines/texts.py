"""The bytes of one line become the text that is kept of it. Pure."""

import re

from deploys.lines.masking import Masker
from deploys.lines.splitting import RawLine
from schemas.deploys.lines import MOST_MESSAGE_BYTES

ESCAPES = re.compile(
    rb"\x1b\[[0-?]*[ -/]*[@-~]"  # CSI of ECMA-48: colours, moves of the cursor
    rb"|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?"  # OSC: titles and links
    rb"|\x1b[ -/]*[0-~]"
    rb"|[\x00-\x08\x0b-\x1f\x7f]"
)
CUT = " … [cut: the line had {size} bytes]"


def kept_bytes(masker: Masker) -> int:
    """Returns how much of a line must be read so that no part of a secret is left at its end."""
    return MOST_MESSAGE_BYTES + 2 * masker.longest


def text_of(line: RawLine, masker: Masker) -> str:
    """Returns a line as it is kept: without what steers a terminal, masked, and of a bounded size.

    What is no UTF-8 becomes the replacement character.
    """
    masked = masker.mask(ESCAPES.sub(b"", line.body))
    if line.is_cut and masker.longest:
        # A secret may have been cut in two there, and its beginning is not known as one.
        masked = masked[: -2 * masker.longest]
    text = masked.decode(errors="replace")
    if not line.is_cut and len(text) * 3 <= MOST_MESSAGE_BYTES:
        return text
    encoded = text.encode()
    if not line.is_cut and len(encoded) <= MOST_MESSAGE_BYTES:
        return text
    mark = CUT.format(size=line.size)
    return encoded[: MOST_MESSAGE_BYTES - len(mark.encode())].decode(errors="ignore") + mark
