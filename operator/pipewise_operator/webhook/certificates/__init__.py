"""The TLS of the webhook: made and renewed by the program itself, or brought by cert-manager as files.

`authority` signs; `rotation` decides what is due; `keeping` does it, in a Secret that all replicas share;
`serving` puts a new certificate under the running server.
"""
