"""What can go wrong between the connector and a CTI Butler server."""


class ServerError(Exception):
    """The server did not return what was asked for."""


class Unauthorized(ServerError):
    """401: no API key, or one that the server does not know."""


class Forbidden(ServerError):
    """403: the API key may not do this."""


class NotFound(ServerError):
    """404: no such knowledge base, release or route."""


class Unavailable(ServerError):
    """The server did not respond, or failed, until no retries were left."""


class BrokenResponse(ServerError):
    """A response that is cut off, incomplete or not JSON."""
