"""Signed bundles on their way to this hub, on its disk, and away again."""
