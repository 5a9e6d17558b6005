"""Coverage-guided fuzzing of rtc_dtls, and the inputs that it found."""
