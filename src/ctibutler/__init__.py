"""Threat-intelligence knowledge bases, release by release."""

__version__ = "0.1.0"
