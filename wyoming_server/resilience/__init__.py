"""What keeps a failing part from taking the others with it."""
