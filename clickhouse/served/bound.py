"""What a reader who is bound to some projects may not name. Pure, on the engine's own reading.

The engine's row policies hold the rows of every table back that `clickhouse.grants` lists. What
they do not hold is named here:

1. Statements that tell of more than rows: EXPLAIN, SHOW PROCESSLIST, and what else is new.
2. Tables without a policy: those of `system` but a few, and what a writer has made since.
3. Functions of tables that read by other ways than a table's name; only those that make rows of
   their arguments stay.
4. `file`, which reads the store's own files, wherever the name stands: `APPLY(file)` calls it too.
"""

from clickhouse.served.checks import denied, refuse_functions, windows
from clickhouse.served.rights import TABLE_FUNCTIONS

FIRST = frozenset({"SELECT", "WITH", "(", "EXISTS"})
SHOWN = frozenset({"TABLES", "DATABASES", "COLUMNS"})
DESCRIBED = "TABLE"
STORE = "default"
OF_ARGUMENTS = frozenset(
    {"generate_series", "generateseries", "numbers", "numbers_mt", "values", "zeros", "zeros_mt"}
)
READING_FUNCTIONS = TABLE_FUNCTIONS - OF_ARGUMENTS
CATALOGS = frozenset({"system", "information_schema"})
OPEN_CATALOG = frozenset(
    {"columns", "data_type_families", "databases", "functions", "numbers", "one", "settings",
     "tables", "time_zones"}
)  # fmt: skip
"""What clients ask to offer names, and what is the same for everybody."""
NEVER = frozenset({"file"})


def check_bound(canonical: str, database: str, unpoliced: frozenset[str]) -> None:
    """Raises `EngineError` where a bound reader's statement names what no row policy covers.

    `database` is the one that names without any are looked up in; `unpoliced` are the tables and
    views of the store that have no policy.
    """
    if database not in ("", STORE):
        raise denied(f"The database {database} is closed to a user of some projects.")
    refuse_functions(canonical, READING_FUNCTIONS)
    found = windows(canonical)
    _, first, second = next(found, (None, None, None))
    if first is None or second is None or not _may_begin(first.word or first.text, second.word):
        raise denied("Not enough privileges: a user of some projects reads tables alone.")
    catalog = ""
    for before, token, after in windows(canonical):
        name = token.name.lower()
        if before.text == ":" and name == "identifier":
            # What stands in its place is put in later, and nobody has looked at it.
            raise denied("A user of some projects gives no name as a parameter.")
        is_open = catalog == "system" and name in OPEN_CATALOG
        if before.text == "." and catalog and not is_open:
            raise denied(f"{catalog}.{token.name} is closed to a user of some projects.")
        if name in NEVER or token.name in unpoliced:
            raise denied(f"{token.name} is closed to a user of some projects.")
        if token.text != ".":
            catalog = name if name in CATALOGS and after.text == "." else ""


def _may_begin(first: str, second: str) -> bool:
    if first == "SHOW":
        return second in SHOWN
    return first in FIRST or (first, second) == ("DESCRIBE", DESCRIBED)
