"""What a line says of itself."""

import pytest

from deploys.lines.levels import level_of


@pytest.mark.parametrize(
    ("text", "level"),
    [
        # JSON
        ('{"level":"error","msg":"x"}', "error"),
        ('{"msg":"level","severity":"WARNING"}', "warn"),
        ('{"level":50,"msg":"pino"}', "error"),
        ('{"level":20}', "debug"),
        ('{"levelname":"CRITICAL"}', "error"),
        ('{"level":"error"', "info"),
        ('{"level":["error"]}', "info"),
        ('{"level":4}', "info"),
        # logfmt
        ('time=12 level=warn msg="x"', "warn"),
        ('ts=1 lvl="error"', "error"),
        ("sublevel=error", "info"),
        # Words at the beginning.
        ("ERROR in app", "error"),
        ("error: cannot find module", "error"),
        ("Error handling was added", "info"),
        ("errors: 0", "info"),
        ("[warn] old", "warn"),
        ("WARNING: old", "warn"),
        ("warning: unused import", "warn"),
        ("npm ERR! missing script", "error"),
        ("npm WARN deprecated x", "warn"),
        ("DEBUG:root:x", "debug"),
        ("FATAL ERROR: heap", "error"),
        ("2026-11-30 00:00:01,123 ERROR x", "error"),
        ("2026-11-30T00:00:01.123Z [ERROR] x", "error"),
        ("[2026-11-30 00:00:01 +0000] [17] [INFO] Starting gunicorn", "info"),
        ("[2026-11-30 00:00:01 +0000] [17] [ERROR] Worker failed", "error"),
        ("12:00:01 WARN x", "warn"),
        ("app.web - ERROR - x", "error"),
        ("OK", "success"),
        ("SUCCESS: built", "success"),
        # Exceptions.
        ("ValueError: bad", "error"),
        ("java.lang.IllegalStateException: no", "error"),
        ("Traceback (most recent call last):", "error"),
        # Others.
        ("Collecting flask", "info"),
        ("I/O", "info"),
        ("", "info"),
        ("-" * 10_000, "info"),
    ],
)
def test_level(text: str, level: str) -> None:
    assert level_of(text) == level
