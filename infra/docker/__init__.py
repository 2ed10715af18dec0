"""The image of charrec's containers and the programs that run in them."""
