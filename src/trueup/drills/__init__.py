"""What is learned only by trying it."""
