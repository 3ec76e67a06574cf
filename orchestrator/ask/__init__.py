"""Questions about results: comparisons, wins, tables, reports."""

# The modules that other rooms may import from.
PUBLIC = ("compare", "export", "paper", "power", "report", "vocabulary", "wins")
