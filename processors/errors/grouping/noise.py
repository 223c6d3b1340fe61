"""Which frames say nothing of an error: machinery of languages, and code of others. Pure."""

import re

from processors.errors.grouping.functions import JAVASCRIPT, JVM, NATIVE

_FOREVER_OTHERS = re.compile(
    r"(?:^|/)(?:node_modules|site-packages|dist-packages|bower_components)/|/gems/[\w.-]{1,100}-\d"
    r"|/pkg/mod/|\.cargo/registry/|^/?rustc/|(?:^|/)webpack/(?:bootstrap|runtime)|^node:|\(webpack\)"
    r"|^(?:chrome|moz|safari-web|safari)-extension:"
)
"""Paths that are never the application's own, whatever the SDK says."""
_OTHERS = {
    "python": re.compile(r"(?:^|/)(?:lib/)?python\d[\d.]*/|^<frozen |^<string>$"),
    "ruby": re.compile(r"/gems/|/lib/ruby/|^<internal:"),
    "php": re.compile(r"(?:^|/)vendor/"),
    "go": re.compile(r"/go/src/|/vendor/|/third_party/"),
    "native": re.compile(
        r"^/(?:usr/)?lib(?:64|32)?/|^/System/|^/apex/|^/rustc/|(?i:^[a-z]:[\\/]Windows)|/usr/lib/swift"
    ),
}
_OTHERS_MODULES = {
    "jvm": re.compile(
        r"^(?:java|javax|jakarta|jdk|sun|com\.sun|kotlin|kotlinx|scala|groovy|clojure|android|androidx"
        r"|dalvik|libcore|com\.android|com\.google\.(?:android|common|inject)|org\.springframework"
        r"|org\.apache|org\.hibernate|org\.eclipse|org\.jboss|org\.junit|org\.postgresql|org\.aspectj"
        r"|io\.netty|io\.reactivex|io\.sentry|io\.vertx|io\.ktor|io\.quarkus|reactor|rx|okhttp3|okio"
        r"|retrofit2|com\.fasterxml|com\.zaxxer|com\.mysql|net\.bytebuddy|net\.sf|ch\.qos)\."
    ),
    "csharp": re.compile(r"^(?:System|Microsoft|mscorlib|Npgsql|Newtonsoft|Dapper|Polly|Sentry)\b"),
    "python": re.compile(
        r"^(?:asyncio|concurrent|threading|importlib|runpy|contextlib|functools|socket|ssl|http"
        r"|urllib|json|logging|unittest|multiprocessing|selectors|sentry_sdk|django|flask|celery"
        r"|starlette|fastapi|uvicorn|gunicorn|werkzeug|requests|urllib3|sqlalchemy)(?:\.|$)"
    ),
    "go": re.compile(
        r"^(?:runtime|net|net/http|database/sql|encoding/\w+|reflect|os|io|fmt|sync|testing"
        r"|golang\.org/x/.*)$"
    ),
    "native": re.compile(r"^<?(?:std|core|alloc|tokio|futures|backtrace|sentry\w*|anyhow|hyper)::"),
}

_MACHINERY = {
    "python": re.compile(
        r"^(?:asyncio|concurrent\.futures|threading|contextlib|functools|selectors|sentry_sdk"
        r"|anyio|trio|gevent|greenlet|tornado\.gen|asgiref|nest_asyncio|uvloop|importlib|runpy"
        r"|multiprocessing)(?:[./ ]|$)|^<frozen "
    ),
    "script": re.compile(
        r"(?:^|[ .])(?:processTicksAndRejections|__awaiter|asyncGeneratorStep|tryCatch"
        r"|_asyncToGenerator|regeneratorRuntime|sentryWrapped|invokeGuardedCallback\w*|runMicrotasks"
        r"|_next|_throw|fulfilled|rejected|wrap|Generator\.next|Generator\.throw|new Promise"
        r"|Promise\.\w+(?: \(index \d+\))?|Array\.\w+|Function\.\w+|String\.replace|JSON\.parse"
        r"|listOnTimeout|processTimers|processImmediate|callCallback|eval"
        r"|(?:global|module|eval) code"
        r"|ZoneDelegate\.\w+|Zone\.\w+|wrapFn|onInvoke\w*|drainMicroTaskQueue)$"
        r"|^(?:internal/|node:|@babel/runtime/|zone\.js|regenerator-runtime|tslib|core-js|async_hooks"
        r"|webpack/)"
    ),
    "jvm": re.compile(
        r"^(?:java\.lang\.(?:Thread|reflect\.\w+|invoke\.[\w$]+) |java\.util\.concurrent\."
        r"|jdk\.internal\.|sun\.reflect\.|kotlinx?\.coroutines\.|reactor\.core\.|io\.reactivex\.|java\.util\.stream\."
        r"|org\.springframework\.(?:aop|cglib)\.|net\.sf\.cglib\.|\$Proxy|scala\.concurrent\."
        r"|java\.security\.AccessController|rx\.internal\.)|Accessor\b"
    ),
    "csharp": re.compile(
        r"^(?:System\.(?:Runtime\.(?:CompilerServices|ExceptionServices)|Threading|Reflection)\."
        r")"
    ),
    "go": re.compile(
        r"^runtime(?:/debug)? |^golang\.org/x/sync/errgroup |^testing |^sync |^reflect "
        r"|^github\.com/getsentry/sentry-go"
    ),
    "php": re.compile(
        r"(?:^| )(?:call_user_func(?:_array)?|array_map|array_walk|ReflectionMethod::invoke\w*)$"
    ),
    "ruby": re.compile(
        r"(?:^| )(?:instance_exec|instance_eval|public_send|each|map|tap|synchronize)$"
    ),
    "native": re.compile(
        r"(?:^| )(?:<?(?:std::(?:panicking|panic|rt|sys|sys_common|backtrace|thread)"
        r"|alloc::(?:boxed|raw_vec)|core::(?:panicking|ops::function|panic|option|result)|backtrace"
        r"|tokio::(?:runtime|task|park|coop)|futures_\w+|sentry\w*|anyhow|swift)::"
        r"|thunk |__CFRUNLOOP|__cxa_|_Unwind_|_dispatch_|__rust"
        r"|(?:rust_begin_unwind|rust_panic\w*|__libc_start\w+|_?start|start_thread|clone3?|abort"
        r"|gsignal|raise|(?:__)?pthread_kill\w*|__assert\w*|objc_exception_throw|start_wqthread|_pthread_\w+|thread_start"
        r"|BaseThreadInitThunk|RtlUserThreadStart|CxxThrowException|_CxxThrowException"
        r"|KiUserExceptionDispatch\w*)$)"
    ),
}  # fmt: skip

_GENERATED = frozenset(
    ("<listcomp>", "<dictcomp>", "<setcomp>", "<genexpr>", "@callee_guaranteed", "lambda_method")
)
_NO_FILES = frozenset(("<compiler-generated>", "[native code]", "native"))
_BRIDGES = re.compile(
    r"\$\$FastClassBy|\$\$Lambda|GeneratedMethodAccessor|GeneratedConstructorAccessor|LambdaForm"
    r"|\$Proxy\d*$|^-\$\$"
)


def family(platform: str) -> str:
    """Returns the family of languages whose machinery a platform has."""
    if platform in JAVASCRIPT:
        return "script"
    if platform in JVM:
        return "jvm"
    if platform in NATIVE:
        return "native"
    return "csharp" if platform == "dotnet" else platform


def belongs_to_others(path: str, module: str, platform: str) -> bool:
    """Whether code stands where code of others does: for frames whose sender did not say."""
    kind = family(platform)
    if (pattern := _OTHERS.get(kind)) and pattern.search(path):
        return True
    return bool(module and (pattern := _OTHERS_MODULES.get(kind)) and pattern.match(module))


def never_ours(path: str) -> bool:
    """Whether a path is another's even where the SDK says that it is the application's own."""
    return bool(_FOREVER_OTHERS.search(path))


def is_machinery(key: str, path: str, function: str, module: str, platform: str) -> bool:
    """Whether a frame is of a runtime, so that it comes and goes without a change of the code."""
    if function in _GENERATED or path in _NO_FILES or path.startswith("node:"):
        return True
    if platform in JVM and _BRIDGES.search(module):
        return True
    pattern = _MACHINERY.get(family(platform))
    # As it was sent, for a name loses its receiver: `Promise.all`.
    return bool(pattern and (pattern.search(key) or pattern.search(function)))
