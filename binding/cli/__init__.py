"""The command line: one module a verb; each parses, calls ``binding.api``, prints and exits."""
