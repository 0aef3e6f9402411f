"""What every codec that writes JSON shares."""
