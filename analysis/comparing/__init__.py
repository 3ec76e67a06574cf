"""What is compared: families of comparisons, their answers, and what would decide the open ones."""
