"""Is the new model worse than the one before? On one hub, turn by turn; over many, from the reports of their days."""
