"""Training data: index tables, the cache, splits, batches."""
