"""explain."""
def explain(*a, **k):
    raise NotImplementedError
