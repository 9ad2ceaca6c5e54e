"""A made-up edge: all that an edge costs is such a folder, and its name among the edges of the application."""
