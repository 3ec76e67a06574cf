"""What a workspace holds, and the one way to read and write it."""
