"""Whole lists as tables, for files."""
