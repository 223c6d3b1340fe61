"""Functions, modules and paths as every build, release and machine says them."""

import pytest

from processors.errors.grouping.functions import plain_function
from processors.errors.grouping.places import plain_module, plain_package, plain_path

FUNCTIONS = (
    ("python", "<lambda>", ""),
    ("python", "foo.<locals>.<lambda>", "foo"),
    ("python", "Foo.bar.<locals>.wrapper", "wrapper"),
    ("python", "<module>", ""),
    ("javascript", "Qt", ""),
    ("javascript", "e.render", "render"),
    ("javascript", "Object.foo", "foo"),
    ("javascript", "render/this.onClick", "onClick"),
    ("javascript", "t.e.n", ""),
    ("javascript", "async foo", "foo"),
    ("javascript", "new Foo", "Foo"),
    ("javascript", "Foo.get [as handler]", "get"),
    ("javascript", "HTMLButtonElement.<anonymous>", ""),
    ("javascript", "foo/<", "foo"),
    ("javascript", "onClick$1", "onClick"),
    ("javascript", "go", "go"),
    ("node", "async UserService.load", "load"),
    ("go", "Handle.func1", "Handle"),
    ("go", "(*Server).Handle.func1.2", "Server.Handle"),
    ("go", "Map[...]", "Map"),
    ("go", "(*S).ServeHTTP-fm", "S.ServeHTTP"),
    ("ruby", "block (2 levels) in foo", "foo"),
    ("ruby", "rescue in block in foo", "foo"),
    ("ruby", "block in Foo::Bar#baz", "baz"),
    ("ruby", "_app_views_users_show_html_erb___1234567890_12345", "_app_views_users_show_html_erb"),
    ("php", r"App\Foo::{closure}", r"App\Foo"),
    ("php", r"App\Foo::{closure:App\Foo::bar():12}", r"App\Foo::bar"),
    ("php", "class@anonymous\0/srv/x.php:12$0::handle", "class@anonymous::handle"),
    ("csharp", "<Foo>d__1.MoveNext", "Foo"),
    ("csharp", "<>c__DisplayClass1_0.<Foo>b__0", "Foo"),
    ("csharp", "<Foo>g__Local|0_1", "Foo"),
    ("csharp", "async Task<int> Foo.Bar(int id)", "Foo.Bar"),
    ("csharp", "MoveNext", ""),
    ("java", "lambda$process$0", "process"),
    ("java", "access$000", ""),
    ("rust", "app::handlers::load::h0123456789abcdef", "app::handlers::load"),
    ("rust", "app::run::{{closure}}::h0123456789abcdef", "app::run"),
    ("native", "std::vector<int>::at(unsigned long) const", "std::vector<int>::at"),
    ("native", "(anonymous namespace)::foo(int)", "(anonymous namespace)::foo"),
    ("native", "foo.constprop.0.cold.1", "foo"),
    ("cocoa", "__45-[Foo bar:]_block_invoke_2", "Foo bar"),
    ("cocoa", "-[Foo bar:]", "Foo bar"),
    ("cocoa", "partial apply for closure #1 in Foo.bar(_:)", "Foo.bar"),
    ("cocoa", "closure #1 () -> () in Foo.bar", "Foo.bar"),
    ("cocoa", "specialized Foo.bar(_:)", "Foo.bar"),
    ("elixir", "anonymous fn/2 in Shop.Cart.total/1", "Shop.Cart.total"),
    ("dart", "Cart.total.<anonymous closure>", "Cart.total"),
    ("other", "as it is", "as it is"),
)
PATHS = (
    ("https://cdn.example.com/static/js/main.8f3a2b1c.chunk.js", "static/js/main.chunk.js"),
    ("https://cdn.example.com/assets/index-BxK3_9aZ.js?v=7", "assets/index.js"),
    ("https://cdn.example.com/assets/index-UserCard.js", "assets/index-UserCard.js"),
    ("https://x.example/_next/static/chunks/pages/_app-1f2e3d4c5b6a7988.js",
     "_next/static/chunks/pages/_app-*.js"),
    ("https://x.example/products/123?x=1", "products"),
    ("webpack:///./src/App.vue?1234", "src/App.vue"),
    ("webpack://shop/./src/cart.ts", "src/cart.ts"),
    ("app:///main.jsbundle", "main.jsbundle"),
    ("app/views.py", "app/views.py"),
    ("src/v2/step-1.ts", "src/v2/step-1.ts"),
    ("http://localhost:3000/src/chunks/step-1.tsx?t=1700", "src/chunks/step-1.tsx"),
    ("src/step-1.js", "src/step-1.js"),
    ("static/js/787.28cb0dcd.chunk.js", "static/js/.chunk.js"),
    ("/srv/shop/releases/20260102030405/app/models/user.rb", "app/models/user.rb"),
    ("/home/ci/work/src/admin/orders/index.ts", "src/admin/orders/index.ts"),
    ("/go/main.go", "go/main.go"),
    ("/app/shop/cart.py", "shop/cart.py"),
    ("/app/cart.py", "cart.py"),
    ("/srv/shop/cart.py", "shop/cart.py"),
    ("/app/app/models/user.rb", "app/models/user.rb"),
    ("/usr/src/app/lib/cart.js", "lib/cart.js"),
    ("/app/.venv/lib/python3.11/site-packages/requests/api.py", "requests/api.py"),
    ("/x/node_modules/.pnpm/foo@1.2.3_ab/node_modules/foo/lib/index.js", "foo/lib/index.js"),
    ("/usr/local/bundle/ruby/3.2.0/gems/rails-7.0.1/lib/rails.rb", "rails/lib/rails.rb"),
    ("/go/pkg/mod/github.com/x/y@v1.2.3/z.go", "github.com/x/y/z.go"),
    ("/root/.cargo/registry/src/index.crates.io-6f17d22bba15001f/tokio-1.35.0/src/a.rs",
     "tokio/src/a.rs"),
    ("C:\\build\\app\\Foo.cs", "app/Foo.cs"),
    ("blob:https://x.example/0b1c2d3e-1111-2222-3333-444455556666", ""),
    ("data:text/javascript;base64,YWxlcnQoMSk=", "data:"),
    ("/" + "x/" * 400 + "src/end.py", "src/end.py"),
    ("", ""),
)  # fmt: skip
MODULES = (
    ("java", "com.acme.Foo$$Lambda$14/0x0000000800c8", "com.acme.Foo"),
    ("java", "com.acme.Service$$EnhancerBySpringCGLIB$$a1b2c3d4", "com.acme.Service"),
    ("java", "com.acme.Service$$SpringCGLIB$$0", "com.acme.Service"),
    ("java", "jdk.proxy2.$Proxy45", "$Proxy"),
    ("java", "shop.core$_main$fn__1539", "shop.core$_main"),
    ("java", "com.acme.Outer$Inner$1", "com.acme.Outer$Inner"),
    ("csharp", "MyApp.OrderService+<Process>d__4", "MyApp.OrderService.Process"),
    ("csharp", "MyApp.Repo`1[[System.Int32]]", "MyApp.Repo"),
    ("go", "github.com/x/y@v1.2.3/z", "github.com/x/y/z"),
    ("python", "<unknown module>", ""),
    ("python", "shop.views", "shop.views"),
)
PACKAGES = (
    ("/usr/lib/x86_64-linux-gnu/libc.so.6", "libc"),
    ("C:\\Windows\\System32\\ntdll.dll", "ntdll"),
    ("/private/var/containers/Bundle/Application/0B1C/Shop.app/Shop", "Shop"),
)


@pytest.mark.parametrize(("platform", "name", "plain"), FUNCTIONS)
def test_functions(platform: str, name: str, plain: str) -> None:
    assert plain_function(name, platform) == plain


@pytest.mark.parametrize(("path", "plain"), PATHS)
def test_paths(path: str, plain: str) -> None:
    assert plain_path(path) == plain


@pytest.mark.parametrize(("platform", "module", "plain"), MODULES)
def test_modules(platform: str, module: str, plain: str) -> None:
    assert plain_module(module, platform) == plain


@pytest.mark.parametrize(("package", "plain"), PACKAGES)
def test_packages(package: str, plain: str) -> None:
    assert plain_package(package) == plain
