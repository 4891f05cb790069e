"""Scaled images as Pillow makes them: writes scale.json beside this script. Needs pillow (13.0 was used)."""
import json
import pathlib

from PIL import Image

cases = []
for width, height, channels, sides in [
    (7, 5, 1, [(3, 2), (14, 10), (7, 9), (1, 1)]),
    (32, 20, 3, [(8, 8), (28, 28), (5, 40)]),
    (100, 3, 1, [(10, 3), (33, 1)]),
]:
    values = [(x * 37 + y * 91 + c * 53 + x * y * 7) % 256 for y in range(height) for x in range(width) for c in range(channels)]
    mode = "L" if channels == 1 else "RGB"
    image = Image.frombytes(mode, (width, height), bytes(values))
    for to in sides:
        scaled = image.resize(to, Image.Resampling.BILINEAR)
        others = {name: list(image.resize(to, getattr(Image.Resampling, name)).tobytes()) for name in ["NEAREST", "BICUBIC", "LANCZOS"]}
        cases.append({"width": width, "height": height, "channels": channels, "values": values, "to": to, "scaled": list(scaled.tobytes()), "others": others})
colour = [(r, g, b) for r in (0, 7, 128, 255) for g in (0, 99, 255) for b in (0, 31, 255)]
grey = Image.frombytes("RGB", (len(colour), 1), bytes(v for rgb in colour for v in rgb)).convert("L")
out = {"scaled": cases, "colour": [v for rgb in colour for v in rgb], "grey": list(grey.tobytes())}
pathlib.Path(__file__).with_name("scale.json").write_text(json.dumps(out) + "\n")
