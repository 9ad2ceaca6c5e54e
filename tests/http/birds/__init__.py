"""A made-up edge: adding an edge takes only such a folder and its name in the list of edges."""
