"""What is done to samples before a network sees them, on tensors, from each trial's own random numbers."""

from trainers.augment.augmentation import Augmentation
from trainers.augment.build import build

__all__ = ["Augmentation", "build"]
