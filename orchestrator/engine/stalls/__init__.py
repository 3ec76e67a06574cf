"""What does not move, and its end: packs that stand still, a Ray that does not answer."""
