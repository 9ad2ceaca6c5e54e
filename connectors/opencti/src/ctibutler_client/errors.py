"""What can go wrong between the connector and a CTI Butler server, in words for its operator."""


class ServerError(Exception):
    """The server did not give what was asked for."""


class Unauthorized(ServerError):
    """401: no key, or one that the server does not know."""


class Forbidden(ServerError):
    """403: the key may not do this."""


class NotFound(ServerError):
    """404: the server has no such knowledge base, release or route."""


class Unavailable(ServerError):
    """The server did not answer, or answered with an error, until the retries were used up."""


class BrokenAnswer(ServerError):
    """An answer that is not what it promises: cut, short, or no JSON."""
