"""Units of the HTTP layer, without a server."""
