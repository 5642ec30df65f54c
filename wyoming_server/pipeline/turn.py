"""One turn, from audio to outcome."""
