"""Tests of rtc-media."""
