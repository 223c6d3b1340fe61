"""What our application is beside Litestar's own: as few handlers as it can have."""

import pytest
from litestar import Router, get, post
from litestar.exceptions import ImproperlyConfiguredException
from litestar.params import FromPath
from litestar.routes import HTTPRoute

from sluice.layers import routed, sharing_paths


@get("/things")
async def list_things() -> None:
    """List them."""


@post("/things")
async def add_thing() -> None:
    """Add one."""


@get("/things/{name:str}")
async def show_thing(name: FromPath[str]) -> None:
    """Show one."""


def test_a_handler_for_a_path_and_method_that_has_one_is_refused() -> None:
    routers = [Router("/", route_handlers=[list_things]) for _ in range(2)]

    with pytest.raises(ImproperlyConfiguredException, match="already registered"):
        routed(sharing_paths(routers), {}, {})


def test_routers_may_share_a_path_and_all_routes_share_one_handler_for_options() -> None:
    routers = [
        Router("/", route_handlers=[list_things, show_thing]),
        Router("/", route_handlers=[add_thing]),
    ]

    routes = [
        one for one in routed(sharing_paths(routers), {}, {}).routes if isinstance(one, HTTPRoute)
    ]

    assert {route.path_format: sorted(route.route_handler_map) for route in routes} == {
        "/things": ["GET", "OPTIONS", "POST"],
        "/things/{name}": ["GET", "OPTIONS"],
    }
    assert len({id(route.route_handler_map["OPTIONS"][0]) for route in routes}) == 1
