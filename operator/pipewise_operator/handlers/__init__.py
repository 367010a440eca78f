"""kopf's side of the operator: thin handlers that hand what they hear to the observed state."""
