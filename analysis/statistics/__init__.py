"""Numbers: scores, wins, intervals, ranks, profiles, robustness. Arrays and tables in, numbers out."""
