"""The pure cores of the call path: they decide, given time and dice as arguments, and do nothing."""
