"""Templates from which the dependencies of frames are told (RTP payload format for AV1, appendix A.8.2)."""

import enum
from dataclasses import field
from typing import Final

from rtc_rtp.bits import BitReader, BitWriter
from rtc_rtp.dataclass import dataclass
from rtc_rtp.errors import ParseError

TEMPLATE_ID_COUNT: Final = 64
MAX_DECODE_TARGET_COUNT: Final = 32
MAX_SPATIAL_ID: Final = 3
MAX_TEMPORAL_ID: Final = 7
MAX_FRAME_DIFFERENCE: Final = 16
"""Of a template; a frame may tell larger ones by itself."""

_SAME_LAYER: Final = 0
_NEXT_TEMPORAL: Final = 1
_NEXT_SPATIAL: Final = 2
_NO_MORE_TEMPLATES: Final = 3


class DecodeTargetIndication(enum.IntEnum):
    """What a frame is to a decode target."""

    NOT_PRESENT = 0
    """Not part of it."""
    DISCARDABLE = 1
    """Part of it, and nothing else of it needs the frame."""
    SWITCH = 2
    """Part of it, and one may begin with it here."""
    REQUIRED = 3
    """Part of it, and others need it."""


_INDICATIONS: Final = tuple(DecodeTargetIndication)


@dataclass(slots=True)
class FrameDependencies:
    """Layer and dependencies of a frame, or of the frames that name a template."""

    spatial_id: int = 0
    """0 to 3."""
    temporal_id: int = 0
    """0 to 7."""
    indications: list[DecodeTargetIndication] = field(default_factory=list)
    """One for each decode target."""
    frame_differences: list[int] = field(default_factory=list)
    """How many frames ago each frame was that this one needs: 1 to 16 in a template, to 4,096 in a frame."""
    chain_differences: list[int] = field(default_factory=list)
    """How many frames ago the frame before on each chain was: 0 to 15 in a template, to 255 in a frame; 0: none."""


@dataclass(slots=True)
class DependencyStructure:
    """The templates of a stream, from one key frame to the next; sent with the key frame."""

    template_id_offset: int
    """What the first template is called, 0 to 63."""
    decode_target_count: int
    """1 to 32."""
    templates: list[FrameDependencies]
    """By spatial, then by temporal layer, starting at 0, 0."""
    chain_count: int = 0
    protected_by: list[int] = field(default_factory=list)
    """If there are chains: for each decode target, which one tells whether all it needs has arrived."""
    resolutions: list[tuple[int, int]] = field(default_factory=list)
    """If known: the largest width and height of each spatial layer, in pixels, 1 to 65,536."""

    def template(self, template_id: int) -> FrameDependencies:
        """Return a template by what a frame calls it.

        Raises:
            ParseError: There is none.
        """
        index = (template_id - self.template_id_offset) % TEMPLATE_ID_COUNT
        if index >= len(self.templates):
            raise ParseError(f"there is no template {template_id}")
        return self.templates[index]

    @property
    def layers(self) -> list[tuple[int, int]]:
        """Spatial and temporal layer up to which each decode target goes."""
        found = []
        for target in range(self.decode_target_count):
            used = [
                template
                for template in self.templates
                if template.indications[target] != DecodeTargetIndication.NOT_PRESENT
            ]
            spatial = max([template.spatial_id for template in used], default=0)
            found.append((spatial, max([template.temporal_id for template in used], default=0)))
        return found


def read_structure(reader: BitReader) -> DependencyStructure:
    """Take a structure from a descriptor.

    Raises:
        ParseError: It ends early, or has more layers or templates than there can be.
    """
    offset = reader.read(6)
    structure = DependencyStructure(offset, reader.read(5) + 1, _read_layers(reader))
    targets = range(structure.decode_target_count)
    for template in structure.templates:
        template.indications = [_INDICATIONS[reader.read(2)] for _ in targets]
    for template in structure.templates:
        while reader.read_flag():
            template.frame_differences.append(reader.read(4) + 1)
    structure.chain_count = reader.read_below(structure.decode_target_count + 1)
    if structure.chain_count:
        structure.protected_by = [reader.read_below(structure.chain_count) for _ in targets]
        for template in structure.templates:
            template.chain_differences = [reader.read(4) for _ in range(structure.chain_count)]
    if reader.read_flag():
        spatial_layers = structure.templates[-1].spatial_id + 1
        structure.resolutions = [(reader.read(16) + 1, reader.read(16) + 1) for _ in range(spatial_layers)]
    return structure


def _read_layers(reader: BitReader) -> list[FrameDependencies]:
    spatial_id = temporal_id = 0
    templates = []
    while True:
        templates.append(FrameDependencies(spatial_id, temporal_id))
        if len(templates) > TEMPLATE_ID_COUNT:
            raise ParseError(f"a structure has at most {TEMPLATE_ID_COUNT} templates")
        step = reader.read(2)
        if step == _NO_MORE_TEMPLATES:
            return templates
        if step == _NEXT_TEMPORAL:
            temporal_id += 1
        elif step == _NEXT_SPATIAL:
            spatial_id += 1
            temporal_id = 0
        if spatial_id > MAX_SPATIAL_ID or temporal_id > MAX_TEMPORAL_ID:
            raise ParseError(f"a structure has no layers above {MAX_SPATIAL_ID} and {MAX_TEMPORAL_ID}")


def write_structure(writer: BitWriter, structure: DependencyStructure) -> None:
    """Put a structure into a descriptor.

    Raises:
        ValueError: It says what no structure can say.
    """
    writer.write(structure.template_id_offset, 6)
    writer.write(structure.decode_target_count - 1, 5)
    _write_layers(writer, structure.templates)
    for template in structure.templates:
        write_indications(writer, template.indications, structure.decode_target_count)
    for template in structure.templates:
        for difference in template.frame_differences:
            writer.write(1, 1)
            writer.write(difference - 1, 4)
        writer.write(0, 1)
    writer.write_below(structure.chain_count, structure.decode_target_count + 1)
    if structure.chain_count:
        if len(structure.protected_by) != structure.decode_target_count:
            raise ValueError("where there are chains, each decode target has one")
        for chain in structure.protected_by:
            writer.write_below(chain, structure.chain_count)
        for template in structure.templates:
            write_chains(writer, template.chain_differences, structure.chain_count, 4)
    writer.write(1 if structure.resolutions else 0, 1)
    if structure.resolutions:
        if len(structure.resolutions) != structure.templates[-1].spatial_id + 1:
            raise ValueError("the size is known for all spatial layers or for none")
        for width, height in structure.resolutions:
            writer.write(width - 1, 16)
            writer.write(height - 1, 16)


def _write_layers(writer: BitWriter, templates: list[FrameDependencies]) -> None:
    if not 0 < len(templates) <= TEMPLATE_ID_COUNT:
        raise ValueError(f"a structure has 1 to {TEMPLATE_ID_COUNT} templates, not {len(templates)}")
    if not all(
        0 <= each.spatial_id <= MAX_SPATIAL_ID and 0 <= each.temporal_id <= MAX_TEMPORAL_ID for each in templates
    ):
        raise ValueError(f"a structure has no layers above {MAX_SPATIAL_ID} and {MAX_TEMPORAL_ID}")
    layers = [(template.spatial_id, template.temporal_id) for template in templates]
    place = (0, 0)
    for index, layer in enumerate(layers):
        if layer == place:
            step = _SAME_LAYER
        elif layer == (place[0], place[1] + 1):
            step = _NEXT_TEMPORAL
        elif layer == (place[0] + 1, 0):
            step = _NEXT_SPATIAL
        else:
            raise ValueError(f"no template of layer {layer} can follow one of {place}")
        if index:
            writer.write(step, 2)
        elif step != _SAME_LAYER:
            raise ValueError(f"the first template is of layer (0, 0), not {layer}")
        place = layer
    writer.write(_NO_MORE_TEMPLATES, 2)


def write_indications(writer: BitWriter, indications: list[DecodeTargetIndication], count: int) -> None:
    """Put what a frame is to each decode target.

    Raises:
        ValueError: There is not one for each.
    """
    if len(indications) != count:
        raise ValueError(f"{len(indications)} indications for {count} decode targets")
    for indication in indications:
        writer.write(indication, 2)


def write_chains(writer: BitWriter, differences: list[int], count: int, bits: int) -> None:
    """Put how long ago the frame before on each chain was.

    Raises:
        ValueError: There is not one for each chain, or one is too long ago.
    """
    if len(differences) != count:
        raise ValueError(f"{len(differences)} differences for {count} chains")
    for difference in differences:
        writer.write(difference, bits)
