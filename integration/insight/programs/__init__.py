"""The programs, one for each stack; each is a process that `play.py` starts and tells what to do."""
