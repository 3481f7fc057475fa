"""Some of several, picked by name on a command line."""

import sys


def choose(only: str, by_name: dict, besides: tuple[str, ...] = ()) -> list:
    """What these names stand for, all where there are none; ends the program for a name that is none. `besides`: names of nothing."""
    names = [name for name in only.split(",") if name]
    wrong = [name for name in names if name not in by_name and name not in besides]
    if wrong:
        sys.exit(f"ONLY={only}: there is no {', '.join(wrong)}; there are {', '.join([*by_name, *besides])}")
    return [by_name[name] for name in names if name in by_name] if names else list(by_name.values())
