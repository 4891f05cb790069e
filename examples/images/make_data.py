"""Draws the images of this example: invented for it, nothing was photographed. Writes things.npz, tiles.npz and inspectors.jsonl.

    python3 make_data.py
"""

import json
import math
import random
import struct
import zipfile

SIDE = 20


def canvas(rng, low, high):
    ground = rng.uniform(low, high)
    return [[ground + rng.gauss(0, 9) for _ in range(SIDE)] for _ in range(SIDE)]


def put(image, of, shade, soft=1.0):
    """Lays a shade where a distance (in pixels, negative within) says so, with a soft edge."""
    for y in range(SIDE):
        for x in range(SIDE):
            share = min(max(0.5 - of(x + 0.5, y + 0.5) / soft, 0.0), 1.0)
            image[y][x] += share * (shade - image[y][x])


def line(x0, y0, x1, y1, width):
    length = math.hypot(x1 - x0, y1 - y0) or 1.0

    def of(x, y):
        at = min(max(((x - x0) * (x1 - x0) + (y - y0) * (y1 - y0)) / length**2, 0.0), 1.0)
        return math.hypot(x - x0 - at * (x1 - x0), y - y0 - at * (y1 - y0)) - width / 2

    return of


def thing(rng, kind):
    """One of six shapes, anywhere, of any size and shade."""
    image = canvas(rng, 60, 200)
    shade = rng.choice([rng.uniform(0, 40), rng.uniform(215, 255)])
    x, y, r = rng.uniform(7, 13), rng.uniform(7, 13), rng.uniform(4, 6.5)
    turn = rng.uniform(0, math.pi)
    ends = [(r * math.cos(turn + k * math.pi / 2), r * math.sin(turn + k * math.pi / 2)) for k in range(4)]
    if kind == 0:  # disc
        put(image, lambda a, b: math.hypot(a - x, b - y) - r, shade)
    elif kind == 1:  # ring
        put(image, lambda a, b: abs(math.hypot(a - x, b - y) - r) - 0.9, shade)
    elif kind == 2:  # square
        put(image, lambda a, b: max(abs(a - x), abs(b - y)) - 0.85 * r, shade)
    elif kind == 3:  # bar
        put(image, line(x - ends[0][0], y - ends[0][1], x + ends[0][0], y + ends[0][1], 2.4), shade)
    elif kind == 4:  # cross
        for dx, dy in ends[:2]:
            put(image, line(x - dx, y - dy, x + dx, y + dy, 2.0), shade)
    else:  # dots
        for dx, dy in ends:
            put(image, lambda a, b: math.hypot(a - x - dx, b - y - dy) - 1.4, shade)
    return image


def tile(rng, kind):
    """A tile that is whole, cracked or stained, with a texture that looks a little like either."""
    image = canvas(rng, 120, 200)
    for _ in range(3):
        x, y = rng.uniform(0, SIDE), rng.uniform(0, SIDE)
        put(image, line(x, y, x + rng.gauss(0, 3), y + rng.gauss(0, 3), 1.0), rng.uniform(105, 160))
    if kind == 1:  # cracked: a thin dark line in three parts
        x, y, way = rng.uniform(3, 17), rng.uniform(3, 17), rng.uniform(0, 2 * math.pi)
        for _ in range(3):
            way += rng.gauss(0, 0.5)
            to = (x + 4.5 * math.cos(way), y + 4.5 * math.sin(way))
            put(image, line(x, y, *to, 0.7), rng.uniform(30, 90))
            x, y = to
    elif kind == 2:  # stained: a wide soft spot
        x, y, r = rng.uniform(5, 15), rng.uniform(5, 15), rng.uniform(2.5, 4.5)
        put(image, lambda a, b: math.hypot(a - x, b - y) - r, rng.uniform(70, 125), soft=5.0)
    return image


def npy(shape, values):
    head = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head + bytes(values)


def write(name, splits):
    with zipfile.ZipFile(name, "w", zipfile.ZIP_DEFLATED) as archive:
        for split, (images, labels) in splits.items():
            values = [min(max(round(v), 0), 255) for image in images for row in image for v in row]
            for end, bytes_ in [("images", npy((len(images), SIDE, SIDE), values)), ("labels", npy((len(labels),), labels))]:
                # A fixed date, so that the same script writes the same bytes.
                archive.writestr(zipfile.ZipInfo(f"{split}_{end}.npy", (2026, 1, 1, 0, 0, 0)), bytes_, zipfile.ZIP_DEFLATED)


def drawn(rng, draw, kinds, count):
    labels = [at % kinds for at in range(count)]
    rng.shuffle(labels)
    return [draw(rng, kind) for kind in labels], labels


def main():
    rng = random.Random(20261129)
    write("things.npz", {"train": drawn(rng, thing, 6, 480), "test": drawn(rng, thing, 6, 120)})
    train, test = drawn(rng, tile, 3, 90), drawn(rng, tile, 3, 300)
    write("tiles.npz", {"train": train, "test": test})
    # People who look at each tile for a second: they see stains, and miss cracks.
    names, hits = ["whole", "cracked", "stained"], [0.93, 0.72, 0.95]
    with open("inspectors.jsonl", "w") as file:
        for split, labels in [("train", train[1]), ("test", test[1])]:
            for at, label in enumerate(labels):
                said = label if rng.random() < hits[label] else (0 if label else rng.choice([1, 2]))
                file.write(json.dumps({"id": f"{split}:{at}", "output": names[said], "cost_usd": 0.01, "latency_ms": 1000}) + "\n")


main()
