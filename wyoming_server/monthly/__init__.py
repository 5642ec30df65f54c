"""Monthly scorecards: figures in, JSON, advice and one page out. No clock, no disk, no network."""
