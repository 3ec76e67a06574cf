"""Bringing data sets here: downloads, archives, folders."""
