"""The chaos test: many users call while everything around them is broken at random, and nobody is lied to."""
