"""One tree of exceptions. Every message is a sentence that says what is wrong and what to do."""


class FaceShifterError(Exception):
    """Root of everything this package raises on purpose."""


class SettingsError(FaceShifterError):
    """A setting or an argument is out of its range or contradicts another."""


class MissingPackageError(FaceShifterError):
    """An optional package is needed and not installed."""


class ComponentError(FaceShifterError):
    """A component cannot be found, trusted, loaded or combined."""


class UnknownComponentError(ComponentError):
    """No component or pipeline of that name is registered."""


class ManifestError(ComponentError):
    """A manifest does not say what a manifest must say."""


class IncompatibleComponentsError(ComponentError):
    """Two components disagree about resolution, alignment or the spaces between them."""


class CheckpointError(ComponentError):
    """A checkpoint is missing, damaged, tampered with, or belongs to another class."""


class HubUnavailableError(ComponentError):
    """The Hub cannot be reached, or refuses."""


class MediaError(FaceShifterError):
    """A picture cannot be read or written."""


class UnreadableImageError(MediaError):
    """The file is no picture, or a damaged one."""


class InaccessibleImageError(UnreadableImageError):
    """The file is not there, or may not or cannot be read: nothing is known of the picture."""


class ImageTooLargeError(MediaError):
    """The picture exceeds the limits of the settings."""


class UnreadableVideoError(MediaError):
    """The file is no video, or a damaged one, or cannot be read."""


class UnwritableOutputError(MediaError):
    """The result cannot be written where it was asked for."""


class CameraError(MediaError):
    """A camera cannot be opened, films nothing, or there is no screen to show it on."""


class FaceError(FaceShifterError):
    """Something about the faces in a picture."""


class NoFaceError(FaceError):
    """No face was found in a picture that needs one."""


class CredentialsError(FaceShifterError):
    """Content credentials cannot be signed, or not be read."""


class ContentError(FaceShifterError):
    """A picture shows what is not swapped."""


class ConsentError(FaceShifterError):
    """The consent of the people shown was not stated."""


class BatchError(FaceShifterError):
    """Some files of a batch could not be done."""


class DataError(FaceShifterError):
    """Training or evaluation data are missing, unreadable or too few."""


class TrainingError(FaceShifterError):
    """A training run cannot start or cannot go on."""


class DeviceMemoryError(FaceShifterError):
    """The device has not enough memory for a single face."""


class WorkerError(FaceShifterError):
    """Processes to share the work cannot be had, or were ended from outside."""


class RenderError(FaceShifterError):
    """The renderer lacks what it needs or was given impossible parameters."""


# what json and tomllib raise for a text that is none: the former also for bytes that are no UTF-8 and for numbers of
# thousands of digits, the latter for brackets nested by the thousand
UNPARSABLE = (ValueError, RecursionError)


def first_line(error: Exception) -> str:
    """Return the first line of what a library's error says, without a full stop, to be quoted in one of ours."""
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".:")
