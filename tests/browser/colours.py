"""How far apart two colours are, also for those who see two primaries only."""

type Rgb = tuple[float, float, float]

# Machado, Oliveira and Fernandes (2009), severity 1, on linear RGB.
DEFICIENCIES: dict[str, tuple[Rgb, Rgb, Rgb]] = {
    "none": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protanopia": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deuteranopia": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
    "tritanopia": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900)),
}
_TO_XYZ = ((0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9505))
_WHITE = (0.9505, 1.0, 1.089)


def apart(one: Rgb, other: Rgb, deficiency: str) -> float:
    """Return the distance of two colours (0 to 255) in CIE Lab; 10 is seen at a glance."""
    pairs = zip(_lab(_seen(one, deficiency)), _lab(_seen(other, deficiency)), strict=True)
    return float(sum((here - there) ** 2 for here, there in pairs) ** 0.5)


def _seen(colour: Rgb, deficiency: str) -> Rgb:
    linear = [_linear(channel / 255) for channel in colour]
    return _times(DEFICIENCIES[deficiency], (linear[0], linear[1], linear[2]))


def _linear(channel: float) -> float:
    return float(channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4)


def _lab(linear: Rgb) -> Rgb:
    clipped = [min(1.0, max(0.0, channel)) for channel in linear]
    xyz = _times(_TO_XYZ, (clipped[0], clipped[1], clipped[2]))
    x, y, z = (_root(part / white) for part, white in zip(xyz, _WHITE, strict=True))
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def _root(value: float) -> float:
    return float(value ** (1 / 3) if value > 0.008856 else 7.787 * value + 16 / 116)


def _times(matrix: tuple[Rgb, Rgb, Rgb], vector: Rgb) -> Rgb:
    rows = [sum(factor * part for factor, part in zip(row, vector, strict=True)) for row in matrix]
    return rows[0], rows[1], rows[2]
