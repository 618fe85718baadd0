"""Training: losses, the Lightning module, the run."""
