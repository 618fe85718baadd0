"""What ligands like a new one bind with, whatever the protein: what has a share in pk beside the networks."""
