"""What others define and we rely on, held against their own code."""
