"""Data sets that are made by rule or ship with the package."""
