"""What is said and understood around our own questions, one file per language."""
