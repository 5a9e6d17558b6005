"""Tests of rtc-turn."""
