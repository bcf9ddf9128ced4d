"""The errors that bakeoff raises: each names the file, key or job, what was expected, and the next step."""


class BakeoffError(Exception):
    """An error that a user can act on; the command line prints its message without a traceback."""

    exit_code = 1
    """Of the command line, where the error ends it."""


class ConfigError(BakeoffError):
    """A configuration key is unknown, missing, of the wrong type, or out of range."""


class DataError(BakeoffError):
    """A label table or an image is not what was expected."""


class WeightsError(BakeoffError):
    """Published weights cannot be fetched, or arrived damaged."""


class SplitError(BakeoffError):
    """The configured split cannot be made from these rows."""


class ValidationMissingError(SplitError):
    """A given split has no rows to validate on, and `split.val` does not say how many to cut."""


class CheckpointError(BakeoffError):
    """A checkpoint cannot be read, or belongs to another run."""


class TrainingError(BakeoffError):
    """Training cannot start or go on, for example because the loss is no longer finite."""


class OutOfMemoryError(TrainingError):
    """A model, its batch and its images have no room in the memory of the device."""

    exit_code = 78
    """EX_CONFIG of sysexits.h: as it is configured it fails again, so the executor does not retry it."""


class EvaluationError(BakeoffError):
    """Predictions or metrics are missing or do not belong together."""


class TrackingError(BakeoffError):
    """The tracking server or store refuses, or cannot be used safely."""
