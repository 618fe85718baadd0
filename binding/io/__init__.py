"""Files to things and rows to files; what cannot be read comes out as a failure, never as nothing."""
