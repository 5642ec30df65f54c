"""A repository of one's own: bundles built, calibrated, signed and offered. Nothing here runs on a hub."""
