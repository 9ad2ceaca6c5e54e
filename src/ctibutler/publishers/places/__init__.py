"""Publishers' own places: how each lists its releases, and where their files are."""
