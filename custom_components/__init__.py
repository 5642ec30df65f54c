"""Where Home Assistant looks for what it does not bring itself."""
