"""Model files on disk: where they come from, and whether they are whole."""
