"""The columns of a part: one row a trial, curves as lists. Written by `trainers`, read by everyone."""

from __future__ import annotations

PART_SCHEMA = 3

# Identity and axes, for filters; `trial` is the canonical JSON and the truth among them.
AXES: dict[str, str] = {
    "trial_id": "string",
    "pack_id": "string",
    "trial": "string",
    "dataset": "string",
    "digest": "string",
    "split": "int64",
    "model": "string",
    "depth": "int64",
    "width": "int64",
    "activation": "string",
    "normalizer": "string",
    "normalizer_options": "string",  # JSON
    "batch_size": "int64",
    "seed": "int64",
}

# Errors are shares of wrong answers in 0..1; null for a diverged or failed trial.
RESULTS: dict[str, str] = {
    "state": "string",  # done | diverged | failed
    "selected_epoch": "int64",  # from 0; the earliest with the lowest smoothed validation error
    "diverged_epoch": "int64",  # null unless diverged
    "val_error": "double",  # the mean over the last `smoothing` epochs up to the selected one: `val_error_smoothed`
    "test_error": "double",  # at the selected epoch
    "majority_error": "double",  # on the test part, of always answering the training part's most frequent class
    "train_loss": "double",  # mean over the selected epoch's steps, penalties left out
    # Of the trial's `metrics`, null where it names others: as val_error and test_error, at the same epoch.
    "val_top5_error": "double",
    "test_top5_error": "double",
    "val_class_mean_error": "double",
    "test_class_mean_error": "double",
}

# Where a trial is: one that has come to an end has a row in a part.
FINAL = ("done", "diverged", "failed")
STATES = (*FINAL, "running", "cancelled", "todo")

# What a column of results is called beside its name in a part, which says less: a trailing mean over epochs.
ALIASES = {"val_error_smoothed": "val_error"}

# One value an epoch, as far as the trial went.
CURVES: dict[str, str] = {
    "curve_train_loss": "list<float>",
    "curve_val_error": "list<float>",  # as measured, not smoothed
    "curve_test_error": "list<float>",
    "curve_val_top5_error": "list<float>",  # this and the next three: null where the trial's `metrics` do not name them
    "curve_test_top5_error": "list<float>",
    "curve_val_class_mean_error": "list<float>",
    "curve_test_class_mean_error": "list<float>",
}

# By metric, as a trial names it, what its columns are called.
NAMED: dict[str, str] = {"top5": "top5_error", "class-mean": "class_mean_error"}

# How it came about; never compared between runs.
CIRCUMSTANCES: dict[str, str] = {
    "seconds": "double",  # of training, this trial's share of its pack's
    "attempts": "int64",
    "device": "string",
    "host": "string",
    "threads": "int64",
    "code_version": "string",
    "source": "string",  # digest of the modules that define method, model and optimizer; null: not known
    "finished": "double",  # seconds since 1970, UTC
    "failure": "string",  # the traceback of a failed trial, else null
}

# What a comparison may be about: numbers with a fraction, of a trial.
METRICS = (*(name for name, kind in RESULTS.items() if kind == "double"), "seconds")
# Beside them, whole numbers that say how a result came about.
COUNTS = ("selected_epoch", "attempts")
# What names a result's circumstances, as text.
LABELS = ("pack_id", "state", "device", "host", "code_version", "diverged_epoch")
# What says which trial it is, not what is compared.
IDENTITY = ("trial_id", "pack_id", "trial", "digest")

COLUMNS: dict[str, str] = AXES | RESULTS | CURVES | CIRCUMSTANCES

READINGS_SCHEMA = 1

# What probes saw, in a file beside the part: one row a number.
READINGS: dict[str, str] = {
    "trial_id": "string",
    "probe": "string",
    "epoch": "int64",  # epochs trained, 0: before training
    "layer": "int64",  # from 1; 0: the whole network
    "quantity": "string",
    "at": "double",  # where on a curve, such as a radius; null for a number of its own
    "value": "double",
}
