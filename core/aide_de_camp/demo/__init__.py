"""What ``adc demo`` runs: real jobs on a folder's files, and some trouble among them."""
