"""Shows the ledger's results in MLflow, each once. The ledger stays the truth.

Other rooms import the modules of `PUBLIC`; the others are this room's own.

child       for `run`: a process beside the training that shows the results as they come
sync        the ledger's results to the tracker, at once
tracker     the protocol: where results are shown
trackers    which tracker a tracking URI names, and the one that shows nothing
run_data    what a run says about a trial
uri         where MLflow is
server      an MLflow server of the workspace
"""

PUBLIC = ("child", "run_data", "server", "sync", "tracker", "trackers", "uri")
