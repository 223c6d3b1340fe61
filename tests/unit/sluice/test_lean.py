"""What a process gives back."""

import subprocess
import sys

LOOK = """
import re
from pathlib import Path

from clickhouse.client import Warehouse
from sluice.lean import forget_unused_code


def resident_file_kb():
    return int(re.search(r"RssFile:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])


warehouse = Warehouse("chdb://" + "{folder}")
assert warehouse.query_now("SELECT 1", {{}}, {{}}).rows == [(1,)]
before = resident_file_kb()
forget_unused_code()
after = resident_file_kb()
assert warehouse.query_now("SELECT 2", {{}}, {{}}).rows == [(2,)]
warehouse.close()
print(before - after)
"""


def test_code_that_is_not_used_is_given_back_and_what_is_used_again_still_works(
    tmp_path: object,
) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", LOOK.format(folder=tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.returncode == 0, ran.stderr
    assert int(ran.stdout) > 50_000
