"""The words of a sweep file: names, settings, their kinds and ranges, and the rules between them."""
