"""Files that speak of one release, brought to another: what is in them, what becomes of it, and the same file written anew."""
