"""Pre-training: encoders that a training run can start from."""
