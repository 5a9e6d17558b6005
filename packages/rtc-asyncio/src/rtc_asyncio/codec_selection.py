"""Which codecs a connection negotiates: without a codec package all, with one those that it can encode and decode."""

from dataclasses import fields
from typing import TYPE_CHECKING, Literal, TypeAlias

from rtc_peer import CodecCapability, MediaOptions

if TYPE_CHECKING:
    from .codecs import CodecFactory
    from .tracks import MediaKind

CodecChoice: TypeAlias = "CodecFactory | Literal['installed'] | None"
"""A codec package, whichever is installed, or none."""


class CodecSelection(MediaOptions):
    """Options with the default codecs, less those that the codec package does not have. It is looked for when media are negotiated.

    Args:
        choice: The codec package.
        options: All but the codecs; None for the default.
    """

    __slots__ = ("choice",)

    choice: CodecChoice

    def __init__(self, choice: CodecChoice, options: MediaOptions | None = None) -> None:
        options = options or MediaOptions()
        super().__init__(**{each.name: getattr(options, each.name) for each in fields(MediaOptions)})
        self.choice = choice

    def codecs(self, kind: "MediaKind") -> tuple[CodecCapability, ...]:
        """Return the codecs of a kind."""
        known = super().codecs(kind)
        factory = chosen_factory(self.choice)
        if factory is None:
            return known
        return tuple(each for each in known if each.is_supplementary or _is_able(factory, each))


def has_default_codecs(options: MediaOptions) -> bool:
    """Whether the application has not said which codecs it wants."""
    default = MediaOptions()
    return (options.audio_codecs, options.video_codecs) == (default.audio_codecs, default.video_codecs)


def chosen_factory(choice: CodecChoice) -> "CodecFactory | None":
    """Return the codec package that is meant, None for none."""
    if choice == "installed":
        from .codecs import installed_codecs

        return installed_codecs()
    return choice


def _is_able(factory: "CodecFactory", codec: CodecCapability) -> bool:
    known = (codec.mime_type, codec.parameters)
    return factory.can_encode(*known) and factory.can_decode(*known)
