"""Doors to the outside; the only importers of `wyoming`."""
