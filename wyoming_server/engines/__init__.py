"""Models behind the pipeline's Protocols. Each engine owns the executor that it runs in."""
