"""Packaged nouns and closed phrases, one YAML file per language."""
