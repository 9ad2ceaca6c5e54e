"""The running server, over HTTP."""
