"""What the hub writes down: one sqlite file in the data folder, and what reads it."""
