"""A small script of the demo's shop with its source map, as esbuild 0.28 has made them.

Its frames are minified as browsers report them; the bundle is what `sentry-cli` would upload.
"""

import io
import json
import zipfile
from functools import cache
from pathlib import Path
from typing import Any

Frame = dict[str, Any]

APP = Path(__file__).with_name("demo_app")
DEBUG_ID = "5d0c2c3e-7f7c-5f0e-9d2a-0f6a1c8b4e21"
ADDRESS = "https://shop.example/assets/gifts.js"
WIDGET = "https://widgets.example/confetti.min.js"
"""A script of others, without a source map."""
MADE_AT = (2026, 1, 1, 0, 0, 0)
"""The same bundle at every call."""


def minified(call: str, function: str) -> Frame:
    """Returns the frame of a call in the script, found by its text."""
    column = _read("gifts.js").decode().index(call) + 1
    return _at(ADDRESS, function, column) | {"in_app": True}


def unmapped() -> Frame:
    """Returns a frame whose page says why it is not mapped."""
    return _at(WIDGET, "e.dispatch", 4_211) | {"in_app": True}


def debug_meta() -> dict[str, Any]:
    """Returns what an SDK says of the scripts in a stack."""
    return {"images": [{"type": "sourcemap", "code_file": ADDRESS, "debug_id": DEBUG_ID}]}


@cache
def bundle() -> bytes:
    """Returns the script and its map as an artifact bundle."""
    out = io.BytesIO(b"SYSB\x02\x00\x00\x00")
    out.seek(0, io.SEEK_END)
    ids = {"debug-id": DEBUG_ID}
    entries = {}
    with zipfile.ZipFile(out, "a", zipfile.ZIP_DEFLATED) as archive:
        for name, kind, headers in (
            ("gifts.js", "minified_source", ids | {"sourcemap": "gifts.js.map"}),
            ("gifts.js.map", "source_map", ids),
        ):
            url = f"~/assets/{name}"
            entries[f"files/{name}"] = {"type": kind, "url": url, "headers": headers}
            archive.writestr(zipfile.ZipInfo(f"files/{name}", MADE_AT), _read(name))
        manifest = json.dumps({"files": entries})
        archive.writestr(zipfile.ZipInfo("manifest.json", MADE_AT), manifest)
    return out.getvalue()


def _at(address: str, function: str, column: int) -> Frame:
    return {"filename": address, "function": function, "lineno": 1, "colno": column}


def _read(name: str) -> bytes:
    return (APP / name).read_bytes()
