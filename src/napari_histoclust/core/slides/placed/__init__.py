"""Slides laid onto the frame of a reference: affine maps and displacement fields."""
