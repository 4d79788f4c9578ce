"""What is drawn: numbers, plans, and in which form they run. No pixel is touched."""
