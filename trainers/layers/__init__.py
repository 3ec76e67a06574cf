"""What networks are built of: layers, activations, dropout, initial weights."""
