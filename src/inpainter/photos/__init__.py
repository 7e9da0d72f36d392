"""Photo files in and out: what is in one, what survives a fill, and what must not."""
