"""The data sets that are known: sizes, source, licence, and how each comes here."""
