"""Where tissue lies on a stack."""
