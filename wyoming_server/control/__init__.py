"""What the owner sees and steers while the server runs: the surface behind the control API."""
