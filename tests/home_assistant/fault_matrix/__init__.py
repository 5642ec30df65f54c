"""Every fault of a home at every moment of a turn, made from outside; `python -m tests.home_assistant.fault_matrix`."""
