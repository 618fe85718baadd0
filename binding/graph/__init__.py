"""Complex -> graph: NumPy arrays that a network can read, built without looking at any file."""
