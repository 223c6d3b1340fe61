"""Events as SDKs of eleven sorts send them, shortened: names and shapes are of real payloads."""

from typing import Any

TRACE = {
    "trace_id": "771a43a4192642f0b136d5159a501700",
    "span_id": "a0f8f3c1b2d4e5f6",
    "parent_span_id": None,
    "op": "http.server",
}

PYTHON: dict[str, Any] = {
    "level": "error",
    "exception": {
        "values": [
            {
                "mechanism": {"type": "chained", "handled": True, "exception_id": 1},
                "module": None,
                "type": "KeyError",
                "value": "'sku'",
                "stacktrace": {
                    "frames": [
                        {
                            "filename": "shop/cart.py",
                            "abs_path": "/srv/app/shop/cart.py",
                            "function": "price_of",
                            "module": "shop.cart",
                            "lineno": 41,
                            "pre_context": ["def price_of(item):", "    try:"],
                            "context_line": "        return PRICES[item['sku']]",
                            "post_context": ["    except KeyError as error:"],
                            "vars": {"item": {"name": "'tea'"}, "self": None},
                            "in_app": True,
                        }
                    ]
                },
            },
            {
                "mechanism": {"type": "django", "handled": False},
                "module": "shop.faults",
                "type": "CartError",
                "value": "no price for 'tea'",
                "stacktrace": {
                    "frames": [
                        {
                            "filename": "django/core/handlers/base.py",
                            "abs_path": "/venv/lib/python3.11/site-packages/django/core/handlers/base.py",  # noqa: E501
                            "function": "_get_response",
                            "module": "django.core.handlers.base",
                            "lineno": 197,
                            "in_app": False,
                        },
                        {
                            "filename": "shop/views.py",
                            "abs_path": "/srv/app/shop/views.py",
                            "function": "checkout",
                            "module": "shop.views",
                            "lineno": 12,
                            "in_app": True,
                        },
                    ]
                },
            },
        ]
    },
    "event_id": "9ec79c33ec9942ab8353589fcb2e04dc",
    "timestamp": "2026-11-29T09:59:58.123456Z",
    "contexts": {
        "trace": TRACE,
        "runtime": {"name": "CPython", "version": "3.11.9", "build": "3.11.9 (main)"},
    },
    "transaction": "/checkout",
    "transaction_info": {"source": "route"},
    "breadcrumbs": {
        "values": [
            {
                "type": "default", "category": "query", "level": "info",
                "message": "SELECT 1", "timestamp": "2026-11-29T09:59:58.000000Z", "data": {},
            },
            {
                "type": "http", "category": "httplib", "timestamp": "2026-11-29T09:59:58.100000Z",
                "data": {"url": "http://pay/x", "status_code": 200, "reason": "OK"},
            },
        ]
    },
    "extra": {"sys.argv": ["manage.py", "runserver"]},
    "modules": {"django": "5.1.3", "sentry-sdk": "2.75.0"},
    "release": "shop@4.2.0",
    "environment": "production",
    "server_name": "web-1",
    "request": {
        "url": "https://shop.example/checkout",
        "query_string": "step=2",
        "method": "POST",
        "env": {"SERVER_NAME": "shop.example", "SERVER_PORT": "443"},
        "headers": {"Host": "shop.example", "User-Agent": "curl/8.5.0"},
        "cookies": {"sessionid": "[Filtered]"},
        "data": {"sku": ["tea"]},
    },
    "user": {"id": "17", "email": "ann@shop.example", "username": "ann"},
    "sdk": {
        "name": "sentry.python.django",
        "version": "2.75.0",
        "packages": [{"name": "pypi:sentry-sdk", "version": "2.75.0"}],
        "integrations": ["django", "logging"],
    },
    "platform": "python",
    "_meta": {"request": {"cookies": {"sessionid": {"": {"rem": [["!config", "s"]]}}}}},
}  # fmt: skip

BROWSER: dict[str, Any] = {
    "exception": {
        "values": [
            {
                "type": "TypeError",
                "value": "Cannot read properties of undefined (reading 'items')",
                "stacktrace": {
                    "frames": [
                        {
                            "filename": "https://shop.example/assets/vendor-3f9c2a1b.js",
                            "function": "HTMLButtonElement.<anonymous>",
                            "in_app": True,
                            "lineno": 2,
                            "colno": 71823,
                        },
                        {
                            "filename": "https://shop.example/assets/app-77ab01cd.js",
                            "function": "a",
                            "in_app": True,
                            "lineno": 1,
                            "colno": 2210,
                        },
                    ]
                },
                "mechanism": {"type": "onerror", "handled": False},
            }
        ]
    },
    "level": "error",
    "event_id": "d2b58ae0c41e4ff8afd5b0e29d1b4e11",
    "platform": "javascript",
    "timestamp": 1795946398.25,
    "request": {
        "url": "https://shop.example/cart",
        "headers": {"Referer": "https://shop.example/", "User-Agent": "Mozilla/5.0"},
    },
    "sdk": {
        "name": "sentry.javascript.browser",
        "version": "10.20.0",
        "integrations": ["GlobalHandlers"],
        "settings": {"infer_ip": "auto"},
    },
    "breadcrumbs": [
        {"timestamp": 1795946397.9, "category": "ui.click", "message": "button#buy"},
        {
            "timestamp": 1795946398.0, "type": "http", "category": "fetch",
            "data": {"method": "GET", "url": "/api/cart", "status_code": 500}, "level": "error",
        },
    ],
    "environment": "production",
    "release": "web@1.0.3",
    "debug_meta": {
        "images": [
            {
                "type": "sourcemap",
                "code_file": "https://shop.example/assets/app-77ab01cd.js",
                "debug_id": "c0ffee00-1234-4567-89ab-0123456789ab",
            }
        ]
    },
    "contexts": {"trace": TRACE},
}  # fmt: skip

NODE: dict[str, Any] = {
    "exception": {
        "values": [
            {
                "type": "Error",
                "value": "connect ECONNREFUSED 127.0.0.1:5432",
                "stacktrace": {
                    "frames": [
                        {
                            "filename": "/srv/app/src/db.ts",
                            "module": "db",
                            "function": "Pool.query",
                            "lineno": 88,
                            "colno": 11,
                            "in_app": True,
                            "pre_context": ["  async query(sql) {"],
                            "context_line": "    const client = await this.connect()",
                            "post_context": ["    return client.run(sql)"],
                        },
                        {
                            "filename": "node:net",
                            "module": "node:net",
                            "function": "TCPConnectWrap.afterConnect [as oncomplete]",
                            "lineno": 1607,
                            "colno": 16,
                            "in_app": False,
                        },
                    ]
                },
                "mechanism": {"type": "onunhandledrejection", "handled": False},
            }
        ]
    },
    "platform": "node",
    "server_name": "worker-3",
    "timestamp": 1795946399.001,
    "environment": "production",
    "sdk": {"name": "sentry.javascript.node", "version": "10.20.0"},
    "contexts": {
        "runtime": {"name": "node", "version": "v22.11.0"},
        "app": {"app_start_time": "2026-11-29T08:00:00.000Z", "app_memory": 91234304},
        "os": {"name": "Debian GNU/Linux", "version": "12.7", "kernel_version": "6.1.0"},
        "trace": TRACE,
    },
    "modules": {"express": "5.0.1"},
    "tags": {"queue": "mail", "attempt": 3},
}

JAVA: dict[str, Any] = {
    "timestamp": "2026-11-29T09:59:57.500Z",
    "message": {
        "formatted": "Payment 81 failed",
        "message": "Payment {} failed",
        "params": ["81"],
    },
    "logger": "shop.example.PaymentService",
    "level": "error",
    "platform": "java",
    "server_name": "pay-2",
    "threads": {
        "values": [
            {"id": 1, "name": "main", "state": "WAITING", "crashed": False, "current": False,
             "daemon": False, "priority": 5, "main": True},
            {"id": 41, "name": "http-nio-8080-exec-1", "state": "RUNNABLE", "crashed": False,
             "current": True},
        ]
    },
    "exception": {
        "values": [
            {
                "type": "SocketTimeoutException",
                "value": "Read timed out",
                "module": "java.net",
                "thread_id": 41,
                "stacktrace": {
                    "frames": [
                        {"filename": "PaymentService.java", "function": "charge",
                         "module": "shop.example.PaymentService", "lineno": 77, "in_app": True,
                         "native": False},
                        {"filename": "SocketInputStream.java", "function": "socketRead0",
                         "module": "java.net.SocketInputStream", "lineno": -2, "native": True},
                    ],
                    "lock_reason": None,
                },
            },
            {
                "type": "IllegalStateException",
                "value": None,
                "module": "java.lang",
                "mechanism": {"type": "UncaughtExceptionHandler", "handled": False},
                "stacktrace": {"frames": [
                    {"filename": "PaymentController.java", "function": "pay",
                     "module": "shop.example.PaymentController", "lineno": 30, "in_app": True},
                ]},
            },
        ]
    },
    "sdk": {"name": "sentry.java.spring-boot.jakarta", "version": "8.28.0"},
    "contexts": {"trace": TRACE},
    "tags": {"thread": "http-nio-8080-exec-1"},
    "breadcrumbs": [
        {"timestamp": "2026-11-29T09:59:57.400Z", "message": "charging", "level": "info",
         "category": "shop.example.PaymentService", "data": {}},
    ],
}  # fmt: skip

GO: dict[str, Any] = {
    "contexts": {
        "device": {"arch": "amd64", "num_cpu": 4},
        "os": {"name": "linux"},
        "runtime": {"go_maxprocs": 4, "name": "go", "version": "go1.23.3"},
        "trace": TRACE,
    },
    "event_id": "5f0a1b2c3d4e5f60718293a4b5c6d7e8",
    "level": "error",
    "platform": "go",
    "release": "ledger@9e107d9d",
    "sdk": {"name": "sentry.go", "version": "0.31.1", "integrations": ["Modules"]},
    "server_name": "ledger-1",
    "user": {},
    "modules": {"github.com/getsentry/sentry-go": "v0.31.1"},
    "exception": [
        {
            "type": "*fs.PathError",
            "value": "open /var/ledger/today: no such file or directory",
            "stacktrace": {
                "frames": [
                    {
                        "function": "(*Ledger).Open",
                        "module": "shop.example/ledger",
                        "abs_path": "/src/ledger/ledger.go",
                        "lineno": 54,
                        "pre_context": ["func (l *Ledger) Open() error {"],
                        "context_line": "\tf, err := os.Open(l.path)",
                        "post_context": ["\tif err != nil {"],
                        "in_app": True,
                    }
                ]
            },
        }
    ],
    "timestamp": "2026-11-29T10:59:59.999999999+01:00",
}

PHP: dict[str, Any] = {
    "event_id": "aa11bb22cc33dd44ee55ff6677889900",
    "timestamp": 1795946390.5042,
    "platform": "php",
    "sdk": {"name": "sentry.php.laravel", "version": "4.10.0"},
    "level": "error",
    "server_name": "php-1",
    "environment": "production",
    "modules": {"laravel/framework": "v11.33.2"},
    "contexts": {"os": {"name": "Linux"}, "runtime": {"name": "php", "version": "8.3.14"}},
    "transaction": "/orders/{order}",
    "tags": [],
    "extra": [],
    "user": {"id": 4, "ip_address": "203.0.113.9"},
    "exception": {
        "values": [
            {
                "type": "Illuminate\\Database\\QueryException",
                "value": "SQLSTATE[23000]: Integrity constraint violation",
                "stacktrace": {
                    "frames": [
                        {
                            "filename": "/app/Http/Controllers/OrderController.php",
                            "lineno": 40,
                            "in_app": True,
                            "abs_path": "/var/www/app/Http/Controllers/OrderController.php",
                            "function": "App\\Http\\Controllers\\OrderController::store",
                            "raw_function": "App\\Http\\Controllers\\OrderController::store",
                            "pre_context": [], "context_line": "        $order->save();",
                            "post_context": ["    }"],
                            "vars": {"order": "Object App\\Models\\Order"},
                        },
                        {"filename": "[internal]", "lineno": 0, "in_app": False},
                    ]
                },
                "mechanism": {"type": "generic", "handled": False, "data": {"code": 23000}},
            }
        ]
    },
    "request": {"url": "http://shop.example/orders", "method": "POST", "cookies": [],
                "headers": {"accept": ["*/*"]}, "data": {"total": "12.50"}},
    "breadcrumbs": {"values": [
        {"type": "default", "category": "db.sql.query", "level": "info",
         "timestamp": 1795946390.4001, "message": "insert into orders", "data": {"bindings": [1]}},
    ]},
}  # fmt: skip

RUBY: dict[str, Any] = {
    "event_id": "0123456789abcdef0123456789abcdef",
    "level": "error",
    "timestamp": "2026-11-29T09:59:50Z",
    "environment": "staging",
    "server_name": "sidekiq-1",
    "modules": {"rails": "7.2.2"},
    "message": "",
    "user": {},
    "tags": {"job": "MailJob"},
    "contexts": {"os": {"name": "Linux"}, "sidekiq": {"queue": "default"}, "trace": TRACE},
    "extra": {},
    "fingerprint": [],
    "transaction": "Sidekiq/MailJob",
    "platform": "ruby",
    "sdk": {"name": "sentry.ruby.sidekiq", "version": "5.22.0"},
    "threads": {"values": [{"id": 1800, "name": None, "crashed": True, "current": True,
                            "stacktrace": None}]},
    "exception": {
        "values": [
            {
                "type": "Net::OpenTimeout",
                "value": "execution expired (Net::OpenTimeout)",
                "module": "Net",
                "thread_id": 1800,
                "mechanism": {"type": "sidekiq", "handled": False},
                "stacktrace": {
                    "frames": [
                        {
                            "project_root": "/app",
                            "abs_path": "/app/app/jobs/mail_job.rb",
                            "function": "perform",
                            "lineno": 9,
                            "in_app": True,
                            "filename": "app/jobs/mail_job.rb",
                            "pre_context": ["  def perform(id)\n"],
                            "context_line": "    Mailer.welcome(id).deliver_now\n",
                            "post_context": ["  end\n"],
                        }
                    ]
                },
            }
        ]
    },
    "breadcrumbs": {"values": []},
}  # fmt: skip

DOTNET: dict[str, Any] = {
    "modules": {"System.Private.CoreLib": "9.0.0.0"},
    "event_id": "fedcba9876543210fedcba9876543210",
    "timestamp": "2026-11-29T09:59:59.1234567+00:00",
    "logentry": {"message": "Order {OrderId} could not be shipped", "formatted":
                 "Order 12 could not be shipped"},
    "logger": "Shop.Shipping",
    "platform": "csharp",
    "server_name": "SHIP-1",
    "release": "shipping@2.0.0",
    "exception": {
        "values": [
            {
                "type": "System.NullReferenceException",
                "value": "Object reference not set to an instance of an object.",
                "module": "Shipping, Version=2.0.0.0, Culture=neutral, PublicKeyToken=null",
                "thread_id": 12,
                "stacktrace": {
                    "frames": [
                        {
                            "filename": "Shipping/Label.cs",
                            "function": "async Task Label.PrintAsync(Order order)",
                            "lineno": 21,
                            "colno": 9,
                            "in_app": True,
                            "package": "Shipping, Version=2.0.0.0",
                            "instruction_addr": "0x2a",
                            "addr_mode": "rel:0",
                            "function_id": "0x5d",
                        }
                    ]
                },
                "mechanism": {"type": "AppDomain.UnhandledException", "handled": False,
                              "data": {"HResult": "0x80004003"}},
            }
        ]
    },
    "level": "fatal",
    "request": {},
    "contexts": {"Current Culture": {"name": "en-US"}, "trace": TRACE},
    "user": {"id": "8f14e45f", "ip_address": "{{auto}}"},
    "environment": "production",
    "sdk": {"packages": [], "name": "sentry.dotnet.aspnetcore", "version": "5.16.0"},
    "debug_meta": {"images": [{"type": "pe_dotnet", "debug_id": "x", "code_file": "Ship.dll"}]},
}  # fmt: skip

NATIVE: dict[str, Any] = {
    "event_id": "11112222333344445555666677778888",
    "timestamp": "2026-11-29T09:59:40.000000Z",
    "platform": "native",
    "level": "fatal",
    "release": "player@7.1",
    "contexts": {"os": {"name": "Windows", "version": "10.0.19045"}},
    "exception": {
        "values": [
            {
                "type": "EXCEPTION_ACCESS_VIOLATION_READ",
                "value": "Fatal Error: EXCEPTION_ACCESS_VIOLATION_READ / 0x10",
                "mechanism": {
                    "type": "minidump", "handled": False, "synthetic": True,
                    "meta": {"signal": {"number": 11}},
                },
            }
        ]
    },
    "threads": {
        "values": [
            {"id": 1, "crashed": False,
             "stacktrace": {"frames": [{"instruction_addr": "0x7ff9", "package": "nt.dll"}]}},
            {"id": 2, "crashed": True, "name": "render",
             "stacktrace": {
                 "frames": [
                     {"instruction_addr": "0x7ff611aa00f0", "package": "C:\\player\\player.exe",
                      "function": "main", "trust": "cfi"},
                     {"instruction_addr": 0x7FF611AA1010, "package": "C:\\player\\player.exe",
                      "function": "draw(Scene const&)", "symbol": "_Z4drawRK5Scene",
                      "trust": "context"},
                 ],
                 "registers": {"rip": "0x7ff611aa1000"},
             }},
        ]
    },
    "debug_meta": {"images": [{"type": "pe", "image_addr": "0x7ff611aa0000", "debug_id": "y"}]},
    "sdk": {"name": "sentry.native", "version": "0.12.1"},
}  # fmt: skip

MESSAGE: dict[str, Any] = {
    "message": "disk of db-1 is 91 % full",
    "level": "warning",
    "timestamp": 1795946395,
    "platform": "python",
    "fingerprint": ["disk", "db-1"],
    "user": None,
    "tags": [["host", "db-1"], ["disk", "/dev/sda1"]],
    "contexts": {"trace": TRACE},
    "exception": None,
    "request": None,
    "breadcrumbs": None,
}

CSP: dict[str, Any] = {
    "platform": "other",
    "logger": "csp",
    "level": "error",
    "csp": {
        "document_uri": "https://shop.example/cart",
        "referrer": "",
        "blocked_uri": "https://ads.example/a.js",
        "violated_directive": "script-src-elem",
        "effective_directive": "script-src-elem",
        "original_policy": "default-src 'self'",
        "disposition": "enforce",
        "status_code": 200,
    },
    "request": {"url": "https://shop.example/cart", "headers": [["User-Agent", "Mozilla/5.0"]]},
    "timestamp": 1795946394.0,
}

PAYLOADS = {
    "python": PYTHON, "browser": BROWSER, "node": NODE, "java": JAVA, "go": GO, "php": PHP,
    "ruby": RUBY, "dotnet": DOTNET, "native": NATIVE, "message": MESSAGE, "csp": CSP,
}  # fmt: skip
