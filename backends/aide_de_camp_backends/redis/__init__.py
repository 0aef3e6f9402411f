"""The Redis backend: every change is one Lua script."""
