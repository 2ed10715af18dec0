"""What runs in charrec's containers, and the recipe of their image."""
