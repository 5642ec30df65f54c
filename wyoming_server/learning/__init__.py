"""What the hub learns: how usual a figure is, how wrong a risk is, what to escalate, and whether it works."""
