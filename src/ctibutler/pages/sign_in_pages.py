"""The pages to sign in with a key, and out."""

from __future__ import annotations

from collections.abc import Iterator

from starlette.responses import Response

from ctibutler.errors import Forbidden
from ctibutler.http.access import key_presented
from ctibutler.http.bodies import read_form
from ctibutler.http.parameters import Parameter
from ctibutler.http.requests import Request
from ctibutler.http.routing import Endpoint
from ctibutler.pages.sign_ins import SignIns, client_of, end_sign_in, keep_signed_in, own_path
from ctibutler.pages.templating import Frame, page, redirect

_LARGEST_FORM = 8 * 1024


class SigningIn:
    """Sign-in and sign-out."""

    def __init__(self, sign_ins: SignIns) -> None:
        self._sign_ins = sign_ins

    def endpoints(self) -> Iterator[Endpoint]:
        """Yield the endpoints. Anybody may ask for them."""
        next_page = (Parameter("next", "text", "Where to go on."),)
        yield Endpoint("GET", "sign-in/", self._page, "", "", next_page, right="open")
        yield Endpoint("POST", "sign-in/", self._sign_in, "", "", right="open", largest_file=_LARGEST_FORM)
        yield Endpoint("POST", "sign-out/", self._sign_out, "", "", right="open", largest_file=_LARGEST_FORM)

    def _page(self, request: Request) -> Response:
        return _form(own_path(request.values.text("next") or "/"))

    def _sign_in(self, request: Request) -> Response:
        form = _own_form(request)
        following = own_path(form.get("next", "/"))
        key = key_presented(request.library.database, form.get("key", "").strip())
        if key is None:
            return _form(following, "This key is not known here.", 401)
        response = redirect(following, 303)
        keep_signed_in(response, request, self._sign_ins.made_for(key))
        return response

    def _sign_out(self, request: Request) -> Response:
        _own_form(request)
        response = redirect("/", 303)
        end_sign_in(response, request)
        return response


def _own_form(request: Request) -> dict[str, str]:
    if client_of(request.headers).is_other_origin:
        raise Forbidden("a page of another origin cannot sign anybody in or out here")
    return read_form(request.content, request.headers.get("content-type"))


def _form(following: str, wrong: str = "", status: int = 200) -> Response:
    made = page("sign_in.html", Frame("Sign in", "/sign-in"), status, following=following, wrong=wrong)
    made.headers["Cache-Control"] = "no-store"
    return made
