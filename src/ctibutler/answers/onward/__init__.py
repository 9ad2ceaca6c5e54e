"""What leads from one object to another, across knowledge bases."""
