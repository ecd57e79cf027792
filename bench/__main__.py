"""``python -m bench``: measure, print the table, write what was asked for.

A spawned multiprocessing worker imports this file again: nothing but the guard may be here.
"""

if __name__ == "__main__":
    from bench.command import main

    main()
