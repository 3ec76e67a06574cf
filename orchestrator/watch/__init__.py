"""What is going on: states of trials, failures, logs, spending. Reads only."""
