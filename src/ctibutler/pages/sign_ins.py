"""Signing in with a key: a cookie that stands for it at pages, and the tokens of forms.

The cookie is signed with a secret of this server and names the key, so it ends with the key, and after twelve idle hours. It
opens pages, their other forms and what is sent from them; the API does not read it.
"""

from __future__ import annotations

import base64
import hmac
import logging
import os
import secrets
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from hashlib import sha256
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from typing import Final

from starlette.responses import Response

from ctibutler.errors import Forbidden, Problem
from ctibutler.http.access import Client, Key, Right, Rules, authorize
from ctibutler.http.requests import Request

IDLE_SECONDS: Final = 12 * 3600
_NAME: Final = "ctibutler-sign-in"
_NAME_SECURE: Final = f"__Host-{_NAME}"
_FORM: Final = "ctibutler-form"
_KEPT_IN: Final = "sign-in.secret"
_SECRET_BYTES: Final = 32

logger = logging.getLogger("ctibutler.pages")


def secret_in(folder: Path) -> bytes:
    """Return the secret of this server, which all its processes share: kept in a file that only its user can read. Where no
    file can be written, it is a new one: whoever signed in has to do so again after a restart."""
    place = folder / _KEPT_IN
    try:
        folder.mkdir(parents=True, exist_ok=True)
        made = folder / f"{_KEPT_IN}.{os.getpid()}.{secrets.token_hex(4)}"
        with os.fdopen(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(secrets.token_bytes(_SECRET_BYTES))
        try:
            os.link(made, place)
        except FileExistsError:
            pass
        finally:
            made.unlink()
        content = place.read_bytes()
    except OSError as problem:
        logger.warning("sign-ins end with this process: %s cannot be kept: %s", _KEPT_IN, problem)
        return secrets.token_bytes(_SECRET_BYTES)
    return content if len(content) == _SECRET_BYTES else secrets.token_bytes(_SECRET_BYTES)


class SignIns:
    """Makes and reads the cookies of sign-ins and the tokens of forms."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def made_for(self, key: Key) -> str:
        """Return a new cookie that stands for a key."""
        return self._made(key, secrets.token_urlsafe(16))

    def renewed(self, cookie: str, key: Key) -> str:
        """Return the cookie of the same sign-in, from now on."""
        return self._made(key, _of_sign_in(cookie))

    def _made(self, key: Key, random: str) -> str:
        content = f"{_written(key.name)}.{int(time.time())}.{random}"
        return f"{content}.{self._signed('sign-in', content, key.hash)}"

    def recognise(self, cookie: str, known: Iterable[Key]) -> Key | None:
        """Return the key that a cookie stands for; None if it is not ours, too old, or its key is gone."""
        content, _, signature = cookie.rpartition(".")
        name, _, rest = content.partition(".")
        moment = rest.partition(".")[0]
        if not moment.isdecimal() or not 0 <= time.time() - int(moment) < IDLE_SECONDS:
            return None
        for key in known:
            if _written(key.name) == name and hmac.compare_digest(
                signature, self._signed("sign-in", content, key.hash)
            ):
                return key
        return None

    def token(self, subject: str) -> str:
        """Return the token of forms for whoever has this cookie."""
        return self._signed("form", subject)

    def _signed(self, *parts: str) -> str:
        return hmac.new(self._secret, "\n".join(parts).encode(), sha256).hexdigest()


def client_of(headers: Mapping[str, str]) -> Client:
    """Return what a request says about its sender, a sign-in included."""
    return replace(Client.of(headers), signed_in=_cookie(headers, _NAME_SECURE, _NAME))


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


def form_token(request: Request, sign_ins: SignIns, response_headers: dict[str, str]) -> str:
    """Return the token for the forms of a page. Whoever has not signed in gets a cookie that it is bound to."""
    own = _bound_to(request)
    if own is None:
        own = secrets.token_urlsafe(24)
        response_headers["Set-Cookie"] = f"{_FORM}={own}; Path=/; HttpOnly; SameSite=Strict{_secure(request)}"
    return sign_ins.token(own)


def check_token(request: Request, sign_ins: SignIns, given: str) -> None:
    """Check the token of a form that was sent.

    Raises Forbidden if it is missing, or that of somebody else.
    """
    own = _bound_to(request)
    if own is None or not hmac.compare_digest(given.encode(), sign_ins.token(own).encode()):
        raise Forbidden("this form is not from a page that you opened here; open the page again")


def renew(response: Response, request: Request, sign_ins: SignIns) -> None:
    """Let a sign-in last from now on."""
    cookie = client_of(request.headers).signed_in
    if request.is_signed_in and request.key is not None and cookie is not None:
        keep_signed_in(response, request, sign_ins.renewed(cookie, request.key))


def keep_signed_in(response: Response, request: Request, cookie: str) -> None:
    """Give a browser the cookie of a sign-in."""
    name = _NAME_SECURE if is_secure(request) else _NAME
    flags = f"Path=/; HttpOnly; SameSite=Lax; Max-Age={IDLE_SECONDS}{_secure(request)}"
    response.headers.append("Set-Cookie", f"{name}={cookie}; {flags}")


def end_sign_in(response: Response, request: Request) -> None:
    """Take the cookies of a browser away."""
    for name in (_NAME_SECURE, _NAME, _FORM) if is_secure(request) else (_NAME, _FORM):
        secure = "; Secure" if name == _NAME_SECURE else _secure(request)
        response.headers.append("Set-Cookie", f"{name}=; Path=/; HttpOnly; Max-Age=0{secure}")


def is_secure(request: Request) -> bool:
    """Return whether the browser uses https, as far as we or a proxy before us can tell."""
    return "https" in (str(request.scope.get("scheme")), request.headers.get("x-forwarded-proto", "").lower())


def own_path(given: str) -> str:
    """Return an address of this server to go on to; the first page for any other."""
    is_own = given.startswith("/") and not given.startswith(("//", "/\\")) and given.isprintable() and "\\" not in given
    return given if is_own else "/"


def _bound_to(request: Request) -> str | None:
    cookie = client_of(request.headers).signed_in if request.is_signed_in else None
    return _of_sign_in(cookie) if cookie else _cookie(request.headers, _FORM)


def _of_sign_in(cookie: str) -> str:
    """What stays the same in the cookies of one sign-in."""
    return cookie.rpartition(".")[0].rpartition(".")[2]


def _written(name: str) -> str:
    return base64.urlsafe_b64encode(name.encode()).decode().rstrip("=")


def _secure(request: Request) -> str:
    return "; Secure" if is_secure(request) else ""


def _cookie(headers: Mapping[str, str], *names: str) -> str | None:
    try:
        read = SimpleCookie(headers.get("cookie", ""))
    except CookieError:
        return None
    return next((read[name].value for name in names if name in read and read[name].value), None)
