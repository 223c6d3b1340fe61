"""The description of the API (OpenAPI 3.1), made from the routes and the shapes that they read."""

import inspect
import re
import types
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import reduce
from operator import or_
from types import MappingProxyType
from typing import Any, NamedTuple, Union, get_args, get_origin, get_type_hints

import msgspec
from litestar import Response
from litestar.handlers import HTTPRouteHandler
from litestar.routes import BaseRoute, HTTPRoute
from msgspec import Raw, Struct

from api.auth import project_from_key, project_from_session
from api.auth_errors import AUTH_PREFIX, Refused
from api.declared import declared_by, known_parameters
from api.openapi_words import INTRODUCTION, NEEDS, PARAMETERS, SCHEMES, STATUSES, TAGS, Words
from schemas.described import NOTHING, OPTION, Asks, Described
from schemas.envelopes import FailureAnswer
from schemas.issues import Issue

REF = "#/components/schemas/{name}"
PROVIDERS: Mapping[Any, Asks] = {project_from_key: "key", project_from_session: "project"}
UNDESCRIBED = ("/docs",)
"""The description itself."""
JSON = "application/json"
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
END = re.compile(r"[;:,.](?:\s|$)")
"""Of what fits beside a path."""
NO_WORD = re.compile(r"\W+")
Object = dict[str, Any]


class Problem(Struct):
    """What went wrong, for a person; `details` where single values are."""

    error: str
    details: list[Issue] | None = None


class ToldSentry(Struct):
    """What went wrong, as Sentry's SDKs are told."""

    detail: str


class Operation(NamedTuple):
    """One method of one path, and what is known of it."""

    path: str
    method: str
    handler: HTTPRouteHandler
    described: Described
    asks: Asks


def operations(routes: Iterable[BaseRoute]) -> Iterator[Operation]:
    """Yields every operation of the API, in the order of the paths.

    The order of the routes is none to show: Litestar keeps the paths of a handler in a set, so
    those of a handler with two of them change places from start to start.
    """
    served = [route for route in routes if isinstance(route, HTTPRoute)]
    for route in sorted(served, key=lambda route: route.path_format):
        if route.path_format.startswith(UNDESCRIBED):
            continue
        by_method = {
            str(getattr(method, "value", method)): handler
            for handler in route.route_handlers
            for method in handler.http_methods
        }
        for method in METHODS:
            handler = by_method.get(method)
            # Pages of the dashboard are for people.
            if handler is not None and handler.resolve_include_in_schema():
                described: Described = handler.opt.get(OPTION, NOTHING)
                asks = described.asks or _asked_for_project(handler)
                yield Operation(route.path_format, method, handler, described, asks)


def document(routes: Iterable[BaseRoute], version: str) -> Object:
    """Returns the whole description."""
    every = list(operations(routes))
    named, components = _components([shape for one in every for shape in _shapes(one)])
    paths: dict[str, Object] = {}
    for one in every:
        _explain(one.described, components)
        paths.setdefault(one.path, {})[one.method.lower()] = _described(one, named)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Sluice", "version": version, "description": INTRODUCTION},
        "tags": [{"name": name} for name in dict.fromkeys(TAGS.values())],
        "paths": paths,
        "components": {"schemas": components, "securitySchemes": SCHEMES},
    }


def statuses(one: Operation) -> tuple[int, ...]:
    """Returns the statuses of an operation's errors."""
    found = {*one.described.errors}
    # Monitors' errors of bodies and parameters are 422, which their routes name.
    bad = set() if one.asks in ("monitor", "prober") else {400}
    if _rejects_unknown(one):
        found |= bad
    is_query = one.method == "GET" and _asked_for_project(one.handler) != "nobody"
    if one.described.body is not None:
        found |= {413, *bad}
    if "{" in one.path:
        found |= {404}
    if one.asks != "nobody":
        found |= {401, 503}
    if one.asks in ("session", "project", "token", "login", "monitor", "operator"):
        found |= {403}
    if is_query:
        found |= {422, 429}
    return tuple(sorted(found))


def _described(one: Operation, named: Mapping[int, Object]) -> Object:
    answer, body = _answer_of(one), one.described.body
    text = inspect.getdoc(one.handler.fn) or ""
    described: Object = {
        "tags": [_tag(one.handler)],
        "operationId": NO_WORD.sub("_", f"{one.method.lower()}{one.path}").strip("_"),
        "summary": one.handler.summary or END.split(text, maxsplit=1)[0],
        "description": " ".join(filter(None, (text, one.handler.description))),
        "security": NEEDS[one.asks],
        "responses": {
            **({} if one.described.is_closed else _success(one, answer, named)),
            **{str(status): _problem(one, status, named) for status in statuses(one)},
        },
    }
    if parameters := [*_of_path(one.path), *_of_query(one)]:
        described["parameters"] = parameters
    if body is not None:
        content = {"schema": named[id(body)], "example": one.described.example}
        described["requestBody"] = {"required": True, "content": {one.described.sent_as: content}}
    return described


def _success(one: Operation, answer: Any, named: Mapping[int, Object]) -> Object:
    if answer is None:
        kind = str(getattr(one.handler.media_type, "value", one.handler.media_type) or "text/plain")
        content: Object = {} if one.handler.status_code == 302 else {kind: {}}
        text = STATUSES.get(one.handler.status_code, "Done")
    else:
        content = {JSON: {"schema": named[id(answer)]}}
        text = (inspect.getdoc(answer) or "Done").partition("\n\n")[0]
    return {str(one.handler.status_code): {"description": text, "content": content}}


def _problem(one: Operation, status: int, named: Mapping[int, Object]) -> Object:
    shape: type = Refused if one.path.startswith(AUTH_PREFIX) else Problem
    if one.asks == "sentry":
        shape = ToldSentry
    if one.asks == "monitor":
        shape = FailureAnswer
    problem: Object = {
        "description": STATUSES[status],
        "content": {JSON: {"schema": named[id(shape)]}},
    }
    if status in (429, 503):
        seconds = {"schema": {"type": "integer"}, "description": "Seconds to wait."}
        problem["headers"] = {"Retry-After": seconds}
    return problem


def _of_path(path: str) -> Iterator[Object]:
    for piece in path.split("/"):
        if piece.startswith("{"):
            name = piece.strip("{}")
            words = _words_of(name)
            yield {
                "name": name,
                "in": "path",
                "required": True,
                "description": words.meaning,
                "example": words.example,
                "schema": {"type": "string"},
            }


def _of_query(one: Operation) -> Iterator[Object]:
    declared = declared_by(one.handler)
    for shape in (*declared.shapes, *one.described.takes):
        _, components = msgspec.json.schema_components([shape], ref_template=REF)
        schema = components[shape.__name__]
        for name, given in schema["properties"].items():
            found = _unless_null(given)
            is_required = name in schema.get("required", ())
            yield _parameter(name, found, _words_of(name, found), is_required)
    for prefix in declared.prefixes:
        name = f"{prefix}<key>"
        # Each property becomes a parameter of its own name.
        yield {
            "name": name,
            "in": "query",
            "description": _words_of(name).meaning,
            "schema": {"type": "object", "additionalProperties": {"type": "string"}},
            "style": "form",
            "explode": True,
            "example": {},
        }


def _words_of(name: str, schema: Mapping[str, Any] = MappingProxyType({})) -> Words:
    """Returns what its shape says of a parameter, else what all of this name mean."""
    if "description" in schema:
        return Words(schema["description"], str(schema["examples"][0]))
    return PARAMETERS.get(name, Words("", ""))


def _parameter(name: str, schema: Object, words: Words, is_required: bool) -> Object:
    parameter: Object = {"name": name, "in": "query", "schema": schema}
    if not is_required:
        # Not as an example: the page would fill it in, and ask for less than all.
        return {**parameter, "description": f"{words.meaning} For example `{words.example}`."}
    required = {"required": True, "description": words.meaning, "example": words.example}
    return parameter | required


def _unless_null(schema: Object) -> Object:
    """Returns what a parameter may be when it is given."""
    options = [one for one in schema.get("anyOf", ()) if one != {"type": "null"}]
    found = {**(options[0] if options else schema)}
    if schema.get("default") is not None:
        found["default"] = schema["default"]
    if found.get("format") == "decimal":
        found = {"type": "number", "minimum": 0}
    return found


def _components(shapes: Sequence[Any]) -> tuple[dict[int, Object], Object]:
    """Returns the schema of each shape by its identity, and the named ones they refer to."""
    plain: dict[type, type] = {}
    taken = [_without_raw(shape, plain) for shape in shapes]
    schemas, components = msgspec.json.schema_components(
        taken, ref_template=REF, schema_hook=_any_json
    )
    return {id(shape): one for shape, one in zip(shapes, schemas, strict=True)}, components


def _explain(described: Described, components: Object) -> None:
    """Adds to the schema of a body what its fields mean."""
    if not described.meanings:
        return
    shape = (get_args(described.body) or (described.body,))[0]
    fields: Object = components[shape.__name__]["properties"]
    for name, schema in fields.items():
        more = dict(described.meanings[name])
        kind = more.pop("type", None)
        if kind is not None:
            schema.pop("anyOf", None)
            schema["type"] = [kind, "null"] if "default" in schema else kind
        schema.update(more)


def _any_json(_: type) -> Object:
    return {"description": "Any JSON."}


def _without_raw(shape: Any, plain: dict[type, type]) -> Any:
    """Returns a shape whose defaults have a JSON: those of `Raw` have none."""
    if get_origin(shape) is list:
        return list[_without_raw(get_args(shape)[0], plain)]  # type: ignore[misc]  # at run time
    if get_origin(shape) in (Union, types.UnionType):
        return reduce(or_, (_without_raw(one, plain) for one in get_args(shape)))
    if not hasattr(shape, "__struct_defaults__"):
        return shape
    if not any(isinstance(one, Raw) for one in shape.__struct_defaults__):
        return shape
    if shape not in plain:
        hints = get_type_hints(shape, include_extras=True)
        config = shape.__struct_config__
        fields = [
            (field.name, hints[field.name])
            if field.required
            else (field.name, hints[field.name] | None, None)
            for field in msgspec.structs.fields(shape)
        ]
        plain[shape] = msgspec.defstruct(
            shape.__name__,
            fields,
            namespace={"__doc__": shape.__doc__},
            kw_only=True,
            rename={field.name: field.encode_name for field in msgspec.structs.fields(shape)},
            tag=config.tag,
            tag_field=config.tag_field,
        )
    return plain[shape]


def _shapes(one: Operation) -> Iterator[Any]:
    yield from (Problem, Refused, ToldSentry, FailureAnswer)
    for shape in (one.described.body, _answer_of(one)):
        if shape is not None:
            yield shape


def _answer_of(one: Operation) -> Any:
    """Returns the shape of an answer, `None` where it is no JSON."""
    if one.described.answer is not None:
        return one.described.answer
    found = get_type_hints(one.handler.fn).get("return")
    if get_origin(found) is Response:
        (found,) = get_args(found)
    if get_origin(found) in (Union, types.UnionType):
        found = next(iter(get_args(found)))
    is_shape = isinstance(found, type) and issubclass(found, Struct)
    return found if is_shape else None


def _rejects_unknown(one: Operation) -> bool:
    # A guard that is no coroutine is wrapped.
    guards = (getattr(guard, "func", guard) for guard in one.handler.resolve_guards())
    return one.asks in ("key", "session", "project", "token", "login") or known_parameters in guards


def _asked_for_project(handler: HTTPRouteHandler) -> Asks:
    provided = handler.resolve_dependencies().get("project")
    return "nobody" if provided is None else PROVIDERS.get(provided.dependency, "key")


def _tag(handler: HTTPRouteHandler) -> str:
    carried = [tag for layer in handler.ownership_layers for tag in layer.tags or ()]
    name = carried[0] if carried else "pages"
    return TAGS.get(name, name)
