"""One module for each kind of file: how its items are found, and how it is written with others in their place."""
