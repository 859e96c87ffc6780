"""One file an encoder, which declares it as `ENCODER`; the file's name is what the settings call it."""
