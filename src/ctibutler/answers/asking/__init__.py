"""Questions about objects, and comparisons of two sets by them."""
