"""What a browser keeps of a sign-in, and the tokens of forms.

A cookie holds the secret of a sign-in. It opens pages, their other forms and what is sent from them; the API does not read it.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from http.cookies import CookieError, SimpleCookie
from typing import Final

from starlette.responses import Response

from ctibutler.errors import Forbidden, Problem
from ctibutler.http.access import SIGN_IN_SECONDS, Client, Key, Right, Rules, authorize
from ctibutler.http.requests import Request

_NAME: Final = "ctibutler-sign-in"
_NAME_SECURE: Final = f"__Host-{_NAME}"
_FORM: Final = "ctibutler-form"


def client_of(headers: Mapping[str, str]) -> Client:
    """Return what a request says about its sender, a sign-in included."""
    client = Client.of(headers)
    for name in (_NAME_SECURE, _NAME):
        secret = _cookie(headers, name)
        if secret is not None:
            return replace(client, signed_in=secret, renewal=_kept(name, secret, name == _NAME_SECURE))
    return client


def authorize_page(rules: Rules, right: Right, client: Client, key: Key | None) -> None:
    """Decide whether a request to a page may pass: as for the API, but no page of another origin changes anything, whatever
    the browser sends along.

    Raises Unauthorized, Forbidden, NotAllowed.
    """
    if right == "write" and client.key is None and client.is_other_origin:
        raise Forbidden("a page of another origin cannot change anything here")
    authorize(rules, right, client, key)


def may_change(request: Request) -> str:
    """Return why whoever asks for this page may change nothing; empty if they may."""
    rules = Rules.of(request.settings.access, request.settings.listens_on_loopback)
    client = replace(client_of(request.headers), origin=None, fetch_site=None)
    try:
        authorize_page(rules, "write", client, request.key)
    except Problem as problem:
        return str(problem)
    return ""


def form_token(request: Request, response_headers: dict[str, str]) -> str:
    """Return the token for the forms of a page. Whoever has not signed in gets a cookie that it is bound to."""
    own = _bound_to(request)
    if own is None:
        own = secrets.token_urlsafe(32)
        response_headers["Set-Cookie"] = f"{_FORM}={own}; Path=/; HttpOnly; SameSite=Strict{_secure(request)}"
    return _token(own)


def check_token(request: Request, given: str) -> None:
    """Check the token of a form that was sent.

    Raises Forbidden if it is missing, or that of somebody else.
    """
    own = _bound_to(request)
    if own is None or not hmac.compare_digest(given.encode(), _token(own).encode()):
        raise Forbidden("this form is not from a page that you opened here; open the page again")


def keep_signed_in(response: Response, request: Request, secret: str) -> None:
    """Give a browser the secret of a sign-in."""
    is_secure = _is_secure(request)
    response.headers.append("Set-Cookie", _kept(_NAME_SECURE if is_secure else _NAME, secret, is_secure))


def forget_sign_in(response: Response, request: Request) -> None:
    """Take the cookies of a browser away."""
    for name in (_NAME_SECURE, _NAME, _FORM) if _is_secure(request) else (_NAME, _FORM):
        secure = "; Secure" if name == _NAME_SECURE else _secure(request)
        response.headers.append("Set-Cookie", f"{name}=; Path=/; HttpOnly; Max-Age=0{secure}")


def own_path(given: str) -> str:
    """Return an address of this server to go on to; the first page for any other."""
    is_own = given.startswith("/") and not given.startswith(("//", "/\\")) and given.isprintable() and "\\" not in given
    return given if is_own else "/"


def _token(own: str) -> str:
    """The token for whoever has this secret, which it does not reveal."""
    return hmac.new(own.encode("utf-8", "replace"), b"ctibutler: forms", sha256).hexdigest()


def _bound_to(request: Request) -> str | None:
    signed_in = client_of(request.headers).signed_in if request.is_signed_in else None
    return signed_in or _cookie(request.headers, _FORM)


def _kept(name: str, secret: str, is_secure: bool) -> str:
    secure = "; Secure" if is_secure else ""
    return f"{name}={secret}; Path=/; HttpOnly; SameSite=Lax; Max-Age={SIGN_IN_SECONDS}{secure}"


def _is_secure(request: Request) -> bool:
    """Whether the browser uses https, as far as we or a proxy before us can tell."""
    return "https" in (str(request.scope.get("scheme")), request.headers.get("x-forwarded-proto", "").lower())


def _secure(request: Request) -> str:
    return "; Secure" if _is_secure(request) else ""


def _cookie(headers: Mapping[str, str], name: str) -> str | None:
    try:
        read = SimpleCookie(headers.get("cookie", ""))
    except CookieError:
        return None
    return (read[name].value if name in read else "") or None
