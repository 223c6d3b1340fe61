"""Which statements run at all, decided on what the engine itself reads in them. Pure.

The text is the engine's canonical form (`formatQuerySingleLine`): key words in capitals, every
name and text quoted as it must be, no comments, one statement. So what reads like a key word here
is one.

1. The first words must be of a list: the engine lets even a reader KILL and make temporary tables.
2. INTO OUTFILE and FROM INFILE: chDB runs both as a client does, which asks for no grant.
3. `… PARALLEL WITH …` is two statements in one.
4. SETTINGS stand once, outside brackets, and in no UNION: there the engine checks them. In a
   subquery they change without a look whether the user may change them (26.9).
5. Functions of tables are of a list: some open files before the engine asks for a grant.
6. A table is made by an engine, and with settings, of a list: grants hold neither back.
"""

from collections.abc import Iterator
from typing import NamedTuple

from clickhouse.served.codes import Code
from clickhouse.served.errors import EngineError, refusal
from clickhouse.served.rights import MAY_SET, TABLE_ENGINES, TABLE_SETTINGS, Rights
from clickhouse.served.statements import TOKEN

READING = frozenset({"SELECT", "WITH", "(", "SHOW", "DESCRIBE", "EXPLAIN", "EXISTS", "SET", "USE"})
WRITING = frozenset(
    {
        ("INSERT", "INTO"), ("CREATE", "TABLE"), ("CREATE", "VIEW"), ("CREATE", "MATERIALIZED"),
        ("ALTER", "TABLE"), ("DROP", "TABLE"), ("DROP", "VIEW"), ("TRUNCATE", "TABLE"),
        ("OPTIMIZE", "TABLE"), ("DELETE", "FROM"),
    }
)  # fmt: skip
NEVER = frozenset({("INTO", "OUTFILE"), ("FROM", "INFILE"), ("PARALLEL", "WITH")})
SETS_OF_ROWS = frozenset({"UNION", "EXCEPT", "INTERSECT"})


class Token(NamedTuple):
    """A part of a statement as the engine writes it."""

    text: str
    word: str
    """The key word that this may be, in capitals; empty for a name that cannot be one."""
    name: str
    """The name that this may be, without its quotes."""
    depth: int
    """How many brackets it stands in."""


Window = tuple[Token, Token, Token]
"""A token between those before and behind it."""
_NOTHING = Token("", "", "", 0)


def check(canonical: str, rights: Rights, known: frozenset[str]) -> None:
    """Raises `EngineError` where a statement may not run; `known` are the engine's settings.

    Reads the text once, and keeps nothing of it.
    """
    found = windows(canonical)
    _, first, second = next(found, (_NOTHING,) * 3)
    reads = (first.word or first.text) in READING
    if not reads and (rights is Rights.READ or (first.word, second.word) not in WRITING):
        raise denied("Not enough privileges: it begins like nothing that may run here.")
    # What changes rows or tables takes settings of tables; the rest has those of the query.
    if reads or first.word == "INSERT":
        clauses = _Clauses(MAY_SET, known)
    else:
        clauses = _Clauses(TABLE_SETTINGS, None)
    for window in found:
        _, token, after = window
        if (token.word, after.word) in NEVER:
            raise denied(f"{token.word} {after.word} is closed.")
        clauses.read(*window)
        if clauses.of_tables:
            _check_table(*window)
    clauses.ensure_at_the_end()


def refuse_functions(canonical: str, refused: frozenset[str]) -> None:
    """Raises `EngineError` where a statement calls one of these, named in lower case."""
    for before, token, after in windows(canonical):
        # Behind a dot, and where rows go, stands the name of a table.
        is_called = after.text == "(" and before.text != "." and before.word != "INTO"
        if is_called and token.name.lower() in refused:
            raise denied(f"The function {token.name} is closed.")


class _Clauses:
    """The SETTINGS of a statement, as they are met."""

    def __init__(self, allowed: frozenset[str], known: frozenset[str] | None) -> None:
        self._allowed = allowed
        self._known = known
        self._inside: int | None = None
        self._any = self._nested = self._combined = False

    @property
    def of_tables(self) -> bool:
        """Tells whether any name that follows is a setting: no column can stand there."""
        return self._known is None

    def read(self, before: Token, token: Token, after: Token) -> None:
        """Raises `EngineError` where a clause names what is not allowed."""
        if self._inside is not None and token.depth < self._inside:
            self._inside = None
        if before.word in {"SETTINGS", "SETTING"} and self._begins(token, after):
            self._inside = token.depth
        elif not (before.text == "," and token.depth == self._inside and token.name):
            self._combined |= token.word in SETS_OF_ROWS and not token.depth
            return
        if token.name not in self._allowed:
            raise denied(f"Setting {token.name} is not for users to change.")
        # The engine writes what an ALTER does in brackets, and only tables have these settings.
        self._any, self._nested = True, self._nested or (token.depth > 0 and not self.of_tables)

    def _begins(self, token: Token, after: Token) -> bool:
        # A column may be called `settings`; only behind a clause the name of a setting follows.
        if self._known is None:
            return True
        return bool(token.name) and (after.text == "=" or token.name in self._known)

    def ensure_at_the_end(self) -> None:
        """Raises `EngineError` where one stands in brackets, or beside a UNION."""
        if self._nested or (self._any and self._combined):
            raise denied("SETTINGS stand only at the end of the whole statement, not in a UNION.")


def _check_table(before: Token, token: Token, after: Token) -> None:
    if before.word == "ENGINE" and token.text == "=" and after.name not in TABLE_ENGINES:
        raise denied(f"Table engine {after.name} keeps no rows in the store.")
    if (before.word, before.depth, after.text) == ("AS", 0, "("):
        raise denied(f"A table of the function {token.name} keeps no rows in the store.")


def windows(canonical: str) -> Iterator[Window]:
    """Yields every token of a canonical statement between its neighbours."""
    before = token = _NOTHING
    for after in _tokens(canonical):
        if token is not _NOTHING:
            yield before, token, after
        before, token = token, after
    if token is not _NOTHING:
        yield before, token, _NOTHING


def _tokens(canonical: str) -> Iterator[Token]:
    depth, after_dot = 0, False
    for match in TOKEN.finditer(canonical.encode()):
        kind = match.lastgroup
        if kind == "blank":
            continue
        text = match.group().decode("utf-8", "replace")
        depth -= kind == "close"
        # What follows a dot is a name, whatever it spells: `system.settings`.
        word = text.upper() if kind == "word" and not after_dot else ""
        name = text if kind == "word" else text.strip('`"') if kind == "quoted" else ""
        yield Token(text, word, name, depth)
        depth += kind == "open"
        after_dot = text == "."


def denied(text: str) -> EngineError:
    """Returns the error of what a user may not do."""
    return refusal(Code.ACCESS_DENIED, text)
