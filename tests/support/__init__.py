"""What the tests share: a simulated network on a virtual clock, seeded randomness, and the rule for absent peers."""
