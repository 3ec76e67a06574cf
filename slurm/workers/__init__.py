"""Ray's workers as forks of one process that has imported what all of them need: torch once a node, not once a worker.

Ray starts `launcher`, which asks `forks` for a fork of itself and ends. Where that fails, it becomes a worker as Ray
starts them.
"""
