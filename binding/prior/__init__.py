"""The prior: a similarity-based estimate of affinity that is combined with the networks' prediction."""
