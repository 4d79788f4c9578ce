"""What is done: programs of pure functions, run on pixels and on targets."""
