"""Where batches come from: samples in memory, or images read ahead by processes."""
