"""What happens between reading and graphs: pockets and checks."""
