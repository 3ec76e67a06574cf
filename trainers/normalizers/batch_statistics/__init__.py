"""Methods that normalize by statistics of the batch."""
