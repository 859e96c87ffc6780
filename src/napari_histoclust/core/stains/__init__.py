"""What a stain absorbs: optical density and its deconvolution."""
