"""What the gallery shows: order, layout, pictures, sheet."""
