"""What is true: pure functions from evidence to verdicts and conditions. No clock, no client, no IO."""
