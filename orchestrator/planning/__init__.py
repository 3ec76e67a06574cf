"""What a sweep will train, and what it will cost."""
