"""The pages to sign in with a key, and out."""

from __future__ import annotations

from collections.abc import Iterator

from starlette.responses import Response

from ctibutler.errors import Forbidden, StoreUnavailable
from ctibutler.http.access import key_presented, sign_in, sign_out
from ctibutler.http.bodies import read_form
from ctibutler.http.exceptions import headers_of
from ctibutler.http.parameters import Parameter
from ctibutler.http.requests import Request
from ctibutler.http.routing import Endpoint
from ctibutler.pages.sign_ins import client_of, forget_sign_in, keep_signed_in, own_path
from ctibutler.pages.templating import Frame, page, redirect

_LARGEST_FORM = 8 * 1024
_NOT_WRITTEN = "Nobody can sign in at the moment, because the database of this server cannot be written."
_NOT_ENDED = (
    "This browser has forgotten the sign-in, but the database cannot be written to end it: whoever has a copy of the cookie"
    " is signed in until nobody has used it for twelve hours, or until the key is removed."
)


def endpoints() -> Iterator[Endpoint]:
    """Yield the endpoints. Anybody may ask for them."""
    next_page = (Parameter("next", "text", "Where to go on."),)
    yield Endpoint("GET", "sign-in/", _page, "", "", next_page, right="open")
    for path, handler in (("sign-in/", _sign_in), ("sign-out/", _sign_out)):
        yield Endpoint("POST", path, handler, "", "", right="open", changes=True, largest_file=_LARGEST_FORM)


def _page(request: Request) -> Response:
    return _form(own_path(request.values.text("next") or "/"))


def _sign_in(request: Request) -> Response:
    form = _own_form(request)
    following = own_path(form.get("next", "/"))
    key = key_presented(request.library.database, form.get("key", "").strip())
    if key is None:
        return _form(following, "This key is not known here.", 401)
    try:
        secret = sign_in(request.library.database, key)
    except StoreUnavailable as problem:
        return _unavailable(_form(following, _NOT_WRITTEN, 503), problem)
    response = redirect(following, 303)
    keep_signed_in(response, request, secret)
    return response


def _sign_out(request: Request) -> Response:
    _own_form(request)
    response: Response = redirect("/", 303)
    secret = client_of(request.headers).signed_in
    try:
        if secret is not None:
            sign_out(request.library.database, secret)
    except StoreUnavailable as problem:
        response = _unavailable(_form("/", _NOT_ENDED, 503), problem)
    forget_sign_in(response, request)
    return response


def _own_form(request: Request) -> dict[str, str]:
    if client_of(request.headers).is_other_origin:
        raise Forbidden("a page of another origin cannot sign anybody in or out here")
    return read_form(request.content, request.headers.get("content-type"))


def _form(following: str, wrong: str = "", status: int = 200) -> Response:
    made = page("sign_in.html", Frame("Sign in", "/sign-in"), status, following=following, wrong=wrong)
    made.headers["Cache-Control"] = "no-store"
    return made


def _unavailable(response: Response, problem: StoreUnavailable) -> Response:
    response.headers.update(headers_of(problem))
    return response
