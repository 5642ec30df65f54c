"""Words for questions, lists and what is critical, one YAML file per language."""
