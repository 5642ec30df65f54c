"""The speech providers' own clients, run against the stand-in cloud in an environment of their own."""
