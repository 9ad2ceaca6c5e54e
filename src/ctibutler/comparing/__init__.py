"""Two releases of a knowledge base, compared by content."""
