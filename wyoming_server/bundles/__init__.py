"""What a bundle is and what may be offered; model files on the disk: where they come from, and if they are whole."""
