"""One module a format, or a few alike; each declares its own in `FORMATS`, where the registry finds them."""
