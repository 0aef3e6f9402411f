"""The storage backends that ship with Aide-De-Camp, each found through its entry point."""
