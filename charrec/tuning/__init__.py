"""The search for network 4, the first user of `charrec.sweep`: its space, its training, its result.

sweep = Sweep(key="sweeps/first", search=Search(), recipe=recipe)
work(store, sweep, glyphs)    # in as many processes, on as many machines as you like
status(store, sweep)          # from anywhere, at any time
result(store, sweep, images)  # once it is finished
"""
