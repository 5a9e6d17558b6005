"""What arrives: statistics of a source, losses, retransmissions, jitter buffers, play-out in step."""
