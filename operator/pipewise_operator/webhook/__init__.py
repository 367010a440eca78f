"""The admission webhook: a small stateless program that answers while the reconciler restarts.

`app` takes the API server's questions, `questions` answers them, and `certificates` keeps the TLS it insists
on.
"""
