"""How near a complex is to what a set of weights was trained on."""
