"""Subtitles of text, written anew as the kind that a container holds, where it cannot hold their own."""

from typing import Any

from faceshifter_hub.media.video import require_av

TEXT_CODECS = {"mp4": "mov_text", "mov": "mov_text", "matroska": "subrip"}  # by the container


def is_text(stream: Any) -> bool:
    """Tell whether a stream is subtitles that are text, and no pictures."""
    return stream.type == "subtitle" and stream.codec_context is not None and stream.codec_context.codec.text_sub


def add_rewritten(container: Any, stream: Any, codec: str) -> Any:
    """Add a stream that subtitles are to be written to as `codec`; their styles go with it."""
    decoder = stream.codec_context
    decoder.open(strict=False)
    added = container.add_stream(codec)
    added.codec_context.subtitle_header = decoder.subtitle_header
    added.disposition = stream.disposition
    added.metadata.update(stream.metadata)
    return added


def rewrite(packet: Any, stream: Any) -> Any | None:
    """Return what a packet shows as one of another stream, at the same time; None where it shows nothing."""
    try:
        shown = packet.stream.codec_context.decode2(packet)
    except require_av().error.FFmpegError:  # a damaged line
        return None
    if not shown:  # MP4 fills the time between two lines
        return None
    written = stream.codec_context.encode_subtitle(shown)
    written.time_base, written.duration = packet.time_base, packet.duration
    written.pts, written.dts = packet.pts, packet.dts
    return written
