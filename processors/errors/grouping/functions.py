"""Names of functions without what compilers, runtimes and builds add to them. Pure.

What is left of a lambda or a closure is the function around it, where the name says it, else
nothing. A name that a minifier made says nothing either: it is another one in the next build.
"""

import re

MAX_CHARS = 300
MINIFIED_CHARS = 2
"""Of a name in JavaScript. A minifier made it, and makes another for the next build."""
JAVASCRIPT = frozenset(("javascript", "node"))
NATIVE = frozenset(("native", "c", "cocoa", "objc", "swift", "rust", "c++", "other"))
JVM = frozenset(("java", "kotlin", "scala", "groovy", "android"))

Edits = tuple[tuple[re.Pattern[str], str], ...]


def _edits(*pairs: tuple[str, str]) -> Edits:
    return tuple((re.compile(pattern), text) for pattern, text in pairs)


NAMELESS = frozenset(
    (
        *("<anonymous>", "anonymous", "(anonymous)", "<lambda>", "lambda", "<unknown>", "?"),
        *("{closure}", "{main}", "<main>", "<module>", "<top (required)>", "<redacted>", "null"),
        *(
            "(anonymous function)",
            "Anonymous function",
            "[native code]",
            "unknown",
            "UnknownFunction",
        ),
    )
)
_PYTHON = _edits(
    (r"(?:\.<locals>)?\.<(?:lambda|listcomp|dictcomp|setcomp|genexpr)>", ""),
    (r"^.*\.<locals>\.", ""),
    (r"^<(?:listcomp|dictcomp|setcomp|genexpr)>$", ""),
)
_SCRIPT = _edits(
    (r"^(?:async\*|promise callback\*|setTimeout handler\*|setInterval handler\*)", ""),
    (r" ?\[as [^\]]{0,200}\]", ""),
    (r"^(?:async |new |get |set |static )+", ""),
    (r"^_(?=callee\d*\$?$)", ""),
    # Before it stands the receiver's type, which says nothing of the function.
    (r"^.*<anonymous>$", ""),
    (r"(?:/?<)+", ""),
    (r"^.+/(?=this\.)", ""),
    (r"^(?:callee|_?_webpack_exports__|__webpack_require__)\d*\$?$", ""),
    (r"\$\d+$", ""),
    # What is before the last dot is the receiver: V8 says its type, others say nothing or a path.
    (r"^.*\.(?=[^.]+$)", ""),
)
_GO = _edits(
    (r"\[(?:\.\.\.|[^\]]{0,200})\]", ""),
    (r"(?:\.(?:func|gowrap|deferwrap)\d+|\.\d+|-fm|-range\d+)+$", ""),
    (r"^glob\.$|^glob\.\.$|^init\.\d+$", "init"),
    (r"^\(\*?(\w+)\)\.", r"\1."),
)
_RUBY = _edits(
    (r"^(?:(?:block(?: \(\d+ levels\))?|rescue|ensure) in )+", ""),
    (r"^<(?:class|module):.{0,200}>$|^<(?:main|top \(required\))>$|^singleton class$", ""),
    (r"_{2,3}\d+_\d+$", ""),
    # Ruby 3.4 names the class too.
    (r"^[A-Z][\w:]{0,200}[#.]", ""),
)
_PHP = _edits(
    (r"^.*\{closure:([^}]{0,250}?)(?:\(\))?:\d+\}", r"\1"),
    (r"(?<=Container)\w{7}(?=\\)", "*"),
    (r"(?:(?:::|->|\\)?\{closure(?:#\d+)?\})+", ""),
    (r"@anonymous.*?(?=::|->|$)", "@anonymous"),
    (r"(__TwigTemplate)_[0-9a-f]{8,64}", r"\1"),
    (r"\(.*\)$", ""),
)
_DOTNET = _edits(
    (r"\+\(.{0,200}$", ""),
    (r"^(?:async |static |void |override |virtual )+", ""),
    (r"<(\w+)>[bdg]__\w+(?:\|[\d_]+)?(?:\.MoveNext)?(?:\(.*\))?", r"\1"),
    (r"(?:^|[.+/])<>c(?:__DisplayClass\d+_\d+)?(?=[.+/]|$)", ""),
    (r"<Main>\$", "Main"),
    (r"`\d+(?:\[[^\]]{0,200}\])?", ""),
    (r"\(.*\)$", ""),
    (r"^.* (?=\S+$)", ""),
    (r"^MoveNext$", ""),
)
_JVM = _edits(
    (r"^lambda\$(?:new|static|null)\$\d+$", ""),
    (r"^lambda\$(.+?)(?:\$\d+)*$", r"\1"),
    (r"^\$anonfun\$(.+?)(?:\$\d+)*$", r"\1"),
    (r"^access\$\d+$|^\$r8\$lambda\$.*$|^-\$\$Nest\$.*$", ""),
    (r"(?:\$default|\$suspendImpl|-impl|-[0-9a-zA-Z_]{7})$", ""),
    (r"\$\d+$", ""),
    (r"^(?:invokeSuspend|doCall)$", ""),
)
_NATIVE = _edits(
    (r"::h[0-9a-f]{16}$", ""),
    (r"(?:::)?\{\{?(?:closure|async_fn|async_block|impl|vtable\.shim|async_fn_env|closure_env)"
     r"(?:_env)?(?:#\d+)?\}?\}", ""),
    (r" ?\[clone [^\]]{0,100}\]", ""),
    (r"(?:\.(?:cold|isra|part|constprop|llvm|lto_priv|resume|suspend|destroy|cleanup)"
     r"(?:\.\d+)*)+$", ""),
    (r"^__\d+([-+]\[[^\]]{0,200}\])_block_invoke(?:_\d+)?(?:\.\d+)*$", r"\1"),
    (r"^__(\w+?)_block_invoke(?:_\d+)?(?:\.\d+)*$", r"\1"),
    (r"^(?:(?:partial apply|reabstraction thunk helper|implicit closure #\d+|closure #\d+|"
     r"local function #\d+|defer #\d+)(?: \(.{0,120}?\)(?: (?:async )?(?:throws )?-> .{0,80}?)?)? "
     r"(?:for|in|of) )+", ""),
    (r"^(?:@objc |specialized |static |merged |dispatch thunk of |protocol witness for )+", ""),
    (r"^\(\d+\) (?:suspend|await) resume partial function for ", ""),
    (r"(?<=[\w>\])])\((?!anonymous)[^()]*(?:\([^()]*\)[^()]*){0,8}\)(?: const| throws)?"
     r"(?: -> .{1,200})?$", ""),
    (r"^(?:[+-]\[)(\S+) (\S+)\]$", r"\1 \2"),
    (r"\$_\d+|'?lambda'?\(?\d*\)?(?=::|$)|\{lambda\(.{0,200}?\)#\d+\}", ""),
)  # fmt: skip

_SHORT_WORDS = frozenset(("go", "do", "on", "up", "if", "is", "of", "fn", "cb", "io", "db", "ok"))


def plain_function(name: str, platform: str) -> str:
    """Returns the name as it stands in the source; empty where it says nothing."""
    name = name[:MAX_CHARS].strip()
    if not name or name in NAMELESS:
        return ""
    for pattern, text in _edits_of(platform, name):
        name = pattern.sub(text, name)
    if platform in JAVASCRIPT and len(name) <= MINIFIED_CHARS and name not in _SHORT_WORDS:
        return ""
    name = name.strip(" .:#/")
    return "" if name in NAMELESS else name


def _edits_of(platform: str, name: str) -> Edits:
    if platform in JAVASCRIPT:
        return _SCRIPT
    if platform in JVM:
        return _JVM
    if platform in NATIVE:
        return _NATIVE
    return _BY_PLATFORM.get(platform, ())


_BY_PLATFORM = {
    "python": _PYTHON,
    "go": _GO,
    "ruby": _RUBY,
    "php": _PHP,
    "csharp": _DOTNET,
    "dotnet": _DOTNET,
    "elixir": _edits((r"^anonymous fn/\d+ in ", ""), (r"/\d+$", ""), (r"-fun-\d+-$|^-(?=\w)", "")),
    "dart": _edits((r"(?:\.?<anonymous closure>)+", ""), (r"^new ", "")),
    "perl": _edits((r"::__ANON__(?:\[.*\])?$", "")),
}
