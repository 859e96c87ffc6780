"""What a run says of its clusters: sizes, composition, neighbours."""
