"""What answers a request in the end: a handler in a thread, a mounted application, or an error."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from urllib.parse import unquote

from starlette.requests import ClientDisconnect
from starlette.requests import Request as StarletteRequest
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from ctibutler.errors import Abandoned, Problem, StandbyLost
from ctibutler.http.bodies import LARGEST_BODY, read_body, read_fields
from ctibutler.http.exceptions import BodyTooLarge
from ctibutler.http.requests import App, Request
from ctibutler.http.routing import Handler, Mount, Route


def answer_with(route: Route) -> App:
    """Return an application that answers with the route's handler, or with the problem that it raises.

    It raises ClientDisconnect if the client goes away before.
    """
    largest_file = route.endpoint.largest_file
    handler, fields, kind = route.endpoint.handler, route.endpoint.fields, route.endpoint.kind

    async def answer(request: Request, receive: Receive, send: Send) -> None:
        try:
            if largest_file is not None:
                request.content = await _whole_body(request.scope, receive, largest_file)
                if len(request.content) > largest_file:
                    raise BodyTooLarge(f"the body is longer than {largest_file} bytes")
            elif fields is not None:
                content = await _whole_body(request.scope, receive, LARGEST_BODY)
                request.body = read_fields(fields, read_body(content, request.headers.get("content-type")))
            response = await request.threads.run(kind, receive, partial(_answered, handler, request))
        except Abandoned:
            raise ClientDisconnect from None
        except Problem as problem:
            response = request.policy.write_error(request, problem)
        await response(request.scope, receive, send)

    return answer


def _answered(handler: Handler, request: Request) -> Response:
    try:
        return handler(request)
    except StandbyLost:
        if request.scope["method"] not in ("GET", "HEAD"):
            raise
        return handler(request)  # from the primary


def refuse(problem: Problem) -> App:
    """Return an application that answers with what is wrong with the request."""

    async def answer(request: Request, receive: Receive, send: Send) -> None:
        await request.policy.write_error(request, problem)(request.scope, receive, send)

    return answer


def answer_options(allowed: Sequence[str]) -> App:
    """Return an application that answers with the methods of the path."""

    async def answer(request: Request, receive: Receive, send: Send) -> None:
        await Response(status_code=204, headers={"Allow": ", ".join(allowed)})(request.scope, receive, send)

    return answer


def pass_to(mount: Mount) -> App:
    """Return an application that passes requests to a mounted one, which sees its own path below `root_path` (ASGI)."""

    async def answer(request: Request, receive: Receive, send: Send) -> None:
        await mount.app(_scope_below(request.scope, mount.path, request.path["path"]), receive, send)

    return answer


def _scope_below(scope: Scope, path: str, rest: str) -> Scope:
    root = scope.get("root_path", "") + path
    return {**scope, "root_path": root, "path": root + unquote(rest), "raw_path": (root + rest).encode("latin-1")}


async def _whole_body(scope: Scope, receive: Receive, limit: int) -> bytes:
    """The body. If it is too long, reading stops soon after the limit.

    Raises ClientDisconnect.
    """
    content = bytearray()
    async for chunk in StarletteRequest(scope, receive).stream():
        content += chunk
        if len(content) > limit:
            break
    return bytes(content)
