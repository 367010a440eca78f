"""What a person types: `pipewise demo`, `pipewise status`, `pipewise connect`."""
