"""Questions about results: comparisons, wins, tables, reports."""
