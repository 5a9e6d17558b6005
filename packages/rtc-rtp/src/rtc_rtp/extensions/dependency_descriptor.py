"""Which frames a packet's frame needs, for those who forward it (RTP payload format for AV1, appendix A)."""

from typing import Final

from rtc_rtp.bits import BitReader, BitWriter
from rtc_rtp.dataclass import dataclass
from rtc_rtp.errors import ParseError
from rtc_rtp.extensions.dependency_structure import (
    DecodeTargetIndication,
    DependencyStructure,
    FrameDependencies,
    read_structure,
    write_chains,
    write_indications,
    write_structure,
)
from rtc_rtp.header_extension import HeaderExtension

MANDATORY_LENGTH: Final = 3
MAX_CUSTOM_DIFFERENCE: Final = 1 << 12


@dataclass(slots=True)
class DependencyDescriptor:
    """What a packet is to its frame, and what its frame is to others.

    ::

        start | end | template ID, 6 bits | frame number, 16 bits
        five flags: structure, active decode targets, own indications, own differences, own chains   (optional)
        what the flags announce
    """

    start_of_frame: bool
    end_of_frame: bool
    template_id: int
    """What the frame is like, 0 to 63."""
    frame_number: int
    """16 bits; grows by one from frame to frame."""
    structure: DependencyStructure | None = None
    """The templates from this key frame on; None if those from before still hold."""
    active_decode_targets: int | None = None
    """A bit for each decode target that the sender goes on with; None if nothing has changed."""
    dependencies: FrameDependencies | None = None
    """Of the frame, from its template where the packet says nothing else. None when sent: just those of the template; in a
    parsed descriptor None means that the templates are not known."""


def parse_dependency_descriptor(data: bytes, structure: DependencyStructure | None = None) -> DependencyDescriptor:
    """Parse a descriptor.

    Args:
        data: The value of the extension.
        structure: The templates of the stream's last key frame; not needed where the descriptor brings new ones, or
            is short.

    Raises:
        ParseError: It ends early, names a template that is not there, or cannot be understood without a structure.
    """
    reader = BitReader(data)
    descriptor = DependencyDescriptor(reader.read_flag(), reader.read_flag(), reader.read(6), reader.read(16))
    own_indications = own_differences = own_chains = False
    if len(data) > MANDATORY_LENGTH:
        has_structure, has_active, own_indications, own_differences, own_chains = (reader.read_flag() for _ in range(5))
        if has_structure:
            structure = descriptor.structure = read_structure(reader)
            descriptor.active_decode_targets = (1 << structure.decode_target_count) - 1
        if has_active:
            if structure is None:
                raise ParseError("decode targets of an unknown structure")
            descriptor.active_decode_targets = reader.read(structure.decode_target_count)
    if structure is None:
        if own_indications or own_chains:
            raise ParseError("dependencies within an unknown structure")
        return descriptor
    template = structure.template(descriptor.template_id)
    dependencies = FrameDependencies(
        template.spatial_id,
        template.temporal_id,
        list(template.indications),
        list(template.frame_differences),
        list(template.chain_differences),
    )
    if own_indications:
        indications = [reader.read(2) for _ in range(structure.decode_target_count)]
        dependencies.indications = [DecodeTargetIndication(each) for each in indications]
    if own_differences:
        dependencies.frame_differences = _read_differences(reader)
    if own_chains:
        dependencies.chain_differences = [reader.read(8) for _ in range(structure.chain_count)]
    descriptor.dependencies = dependencies
    return descriptor


def _read_differences(reader: BitReader) -> list[int]:
    differences = []
    while size := reader.read(2):
        differences.append(reader.read(4 * size) + 1)
    return differences


def serialize_dependency_descriptor(
    descriptor: DependencyDescriptor, structure: DependencyStructure | None = None
) -> bytes:
    """Return the bytes of a descriptor: what differs from the template is written out.

    Args:
        descriptor: With the structure if its frame is a key frame.
        structure: The templates of the stream's last key frame, unless the descriptor brings them.

    Raises:
        ValueError: A field is out of its range, there is no such template, or dependencies are told of an unknown one.
    """
    writer = BitWriter()
    writer.write(descriptor.start_of_frame, 1)
    writer.write(descriptor.end_of_frame, 1)
    writer.write(descriptor.template_id, 6)
    writer.write(descriptor.frame_number, 16)
    structure = descriptor.structure or structure
    own = descriptor.dependencies
    if structure is None:
        if own is not None or descriptor.active_decode_targets is not None:
            raise ValueError("there is no structure to which the descriptor could refer")
        return writer.to_bytes()
    # `ParseError` is a `ValueError`: there is no such template.
    template = structure.template(descriptor.template_id)
    if own is None:
        own = template
    if (own.spatial_id, own.temporal_id) != (template.spatial_id, template.temporal_id):
        raise ValueError("a frame is of the layer that its template is of")
    active = descriptor.active_decode_targets
    if descriptor.structure is not None and active == (1 << structure.decode_target_count) - 1:
        active = None
    flags = (
        descriptor.structure is not None,
        active is not None,
        own.indications != template.indications,
        own.frame_differences != template.frame_differences,
        own.chain_differences != template.chain_differences,
    )
    if any(flags):
        for flag in flags:
            writer.write(flag, 1)
        if descriptor.structure is not None:
            write_structure(writer, structure)
        if active is not None:
            writer.write(active, structure.decode_target_count)
        _write_dependencies(writer, own, flags[2:], structure)
    return writer.to_bytes()


def _write_dependencies(
    writer: BitWriter, own: FrameDependencies, flags: tuple[bool, ...], structure: DependencyStructure
) -> None:
    own_indications, own_differences, own_chains = flags
    if own_indications:
        write_indications(writer, own.indications, structure.decode_target_count)
    if own_differences:
        for difference in own.frame_differences:
            if not 0 < difference <= MAX_CUSTOM_DIFFERENCE:
                raise ValueError(f"a frame is 1 to {MAX_CUSTOM_DIFFERENCE} frames ago, not {difference}")
            size = max((difference - 1).bit_length() + 3 >> 2, 1)
            writer.write(size, 2)
            writer.write(difference - 1, 4 * size)
        writer.write(0, 2)
    if own_chains:
        write_chains(writer, own.chain_differences, structure.chain_count, 8)


DEPENDENCY_DESCRIPTOR: Final[HeaderExtension[DependencyDescriptor]] = HeaderExtension(
    "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension",
    parse=parse_dependency_descriptor,
    serialize=serialize_dependency_descriptor,
)
"""Dependencies of the packet's frame: `DependencyDescriptor`. Where a descriptor is told in terms of an earlier key frame, use
`parse_dependency_descriptor` with its structure."""
