"""What the results mean: wins, intervals, profiles, the report."""
