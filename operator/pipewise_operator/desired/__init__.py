"""What should be: pure functions from observed state to objects and schedules. No clock, no client, no IO."""
