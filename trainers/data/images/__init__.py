"""Folders of images as people have them: what lies in them, how a picture becomes RGB, the index, the report."""
