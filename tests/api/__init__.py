"""Tests of what the REST API adds to the HTTP layer, without a server."""
