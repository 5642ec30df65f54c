"""What `edge-voice SUBCOMMAND` runs, one file each."""
