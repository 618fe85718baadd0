"""What ligands like a new one bind with, whatever the protein: what the networks start from."""
