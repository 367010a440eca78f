"""The bench: the runtime beside its peers on one machine; see docs/performance.md."""
