"""Other ways to train the networks of a pack, for `packing.py`: each process that trains holds several contenders."""
