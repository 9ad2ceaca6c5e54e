"""Tests of what all HTTP edges share, without a server."""
