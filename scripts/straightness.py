"""How straight the text lines of curled pages are, before and after they were laid flat: for scripts/eval.

Truth is the clean page (words/PAGE.json) and the outline of the curled one on its capture, as many steps a side. What
lies between is told by a sheet bent along one direction, like a cylinder of any section, that is fitted to the outline
(Curled). From the capture words are taken back to a page by the four corners alone, and by the map that `sohoa inspect`
gives (`grid`). Lines are words of the same block at the same height; each is fitted by a straight line through the
middles of its words' left and right ends, and how far these are off it is told in heights of the line.
"""

import json
import math
import os

import numpy

# The least number of words of a line, and how much of the page's width they cover: less shows no bend.
WORDS = 3
SHARE = 0.2
# Rounds of finding the place on a bent page that is seen at a point: the shift changes little from one to the next.
ROUNDS = 20
# Nodes of a sheet's section, and how dear its bends are: enough that 32 points do not make it swing.
NODES = 12
BEND_OF_LIFT, BEND_OF_PLACE, SIZE = 3.0, 0.05, 1e-3
# Steps of the searches for the direction of the bend, degrees, and the place below the camera, millimetres.
SEARCH = [(range(0, 180, 5), range(-160, 161, 80)), (range(-4, 5), range(-60, 61, 20))]


def report(truth, results):
    """Prints a row for each curled page of the truth that has words and a result, and the flat pages that were bent."""
    print("\n== text lines of curled pages, off straight in line heights\n")
    print("| page | lines | by its corners: median | p95 | max | by sohoa: median | p95 | max | truth is off, mm |")
    print("|-|-:|-:|-:|-:|-:|-:|-:|-:|")
    for entry in truth:
        words = os.path.join("words", f"{entry.get('page')}.json")
        result = results.get(entry["file"])
        if entry.get("outline") and result and result.get("grid") and os.path.exists(words):
            with open(words, encoding="utf-8") as file:
                page = json.load(file)
            lines = text_lines(page)
            curled = Curled(entry["size_mm"], entry["quad"], entry["outline"])
            to_capture = homography(unit_square(*entry["size_mm"]), entry["quad"])
            laid = Grid(result["grid"], result["width_mm"], result["height_mm"])
            millimetre = page["dpi"] / 25.4
            before, after = [], []
            for line in lines:
                height = line["height"] / millimetre
                seen = curled.shifted(numpy.array(line["points"]) / millimetre)
                before += off_straight(seen, height)
                after += off_straight([laid.to_page(project(to_capture, point)) for point in seen], height)
            columns = [f"{value:.3f}" for offs in (before, after) for value in quantiles(offs)]
            name = " ".join([entry["id"], *entry["tags"]])
            print(f"| {name} | {len(lines)} | {' | '.join(columns)} | {curled.error:.3f} |")
    for entry in truth:
        result = results.get(entry["file"])
        if result and result.get("grid") and not entry.get("outline") and len(result["grid"]) > 2:
            grid = Grid(result["grid"], result["width_mm"], result["height_mm"])
            print(f"   {entry['id']} has no outline in the truth and was bent by up to {grid.greatest_shift():.2f} mm")


def text_lines(page):
    """Lines with enough words, each with its height and the middles of its words' ends, in pixels of the clean page."""
    lines = {}
    for word in page["words"]:
        lines.setdefault((word["b"], word["y"], word["h"]), []).append(word)
    chosen = []
    for (_, y, height), words in lines.items():
        width = max(word["x"] + word["w"] for word in words) - min(word["x"] for word in words)
        if len(words) >= WORDS and width >= SHARE * page["px"][0]:
            points = [(x, y + height / 2) for word in words for x in (word["x"], word["x"] + word["w"])]
            chosen.append({"height": height, "points": points})
    return chosen


def off_straight(points, height):
    """Distances of points from the straight line nearest to them, in heights."""
    x, y = (sum(point[axis] for point in points) / len(points) for axis in (0, 1))
    xx, xy, yy = (sum((point[a] - (x, y)[a]) * (point[b] - (x, y)[b]) for point in points)
                  for a, b in ((0, 0), (0, 1), (1, 1)))
    angle = math.atan2(2 * xy, xx - yy) / 2
    return [abs((point[1] - y) * math.cos(angle) - (point[0] - x) * math.sin(angle)) / height for point in points]


def quantiles(values):
    """Median, 95th percentile and maximum."""
    values = sorted(values) or [math.nan]
    return [values[min(len(values) - 1, int(share * len(values)))] for share in (0.5, 0.95, 1)]


class Curled:
    """How a sheet that is bent along one direction appears once its corners are laid flat, millimetres.

    A point p that is lifted appears at p + q (p - c), c being the place below the camera, and as the bend takes length,
    moved along the bend as well; corners that leave their plane change the homography, to first order by eight numbers.
    Lift q and move are given along the bend at nodes, between them in straight lines, so that a fold is one.
    """

    def __init__(self, size, quad, outline):
        self.size = size
        back = inverse(homography(unit_square(*size), quad))
        steps = len(outline) // 4
        places = [(step / steps, 0) for step in range(steps)] + [(1, step / steps) for step in range(steps)]
        places += [(1 - u, 1 - v) for u, v in places]
        self.places = numpy.array(places) * size
        self.shifts = numpy.array([project(back, point) for point in outline]) - self.places
        best = (0, 0, 0)
        for angles, steps in SEARCH:
            angle, x, y = best
            tried = [(angle + a, x + right, y + down) for a in angles for right in steps for down in steps]
            best = min(tried, key=lambda bend: self.fit(*bend)[0])
        self.bend = best
        _, self.error, self.solution = self.fit(*best)

    def fit(self, *bend):
        """Cost of a direction and a place below the camera, root mean square over the outline, and the solution."""
        equations = self.equations(self.places, *bend)
        wanted = self.shifts.T.ravel()
        smooth = numpy.zeros((2 * (NODES - 2), equations.shape[1]))
        for node in range(NODES - 2):
            smooth[node, node:node + 3] = numpy.array([1, -2, 1]) * BEND_OF_LIFT
            smooth[NODES - 2 + node, NODES + node:NODES + node + 3] = numpy.array([1, -2, 1]) * BEND_OF_PLACE
        small = numpy.eye(equations.shape[1]) * SIZE
        system = numpy.vstack([equations, smooth, small])
        values = numpy.concatenate([wanted, numpy.zeros(len(smooth) + len(small))])
        solution = numpy.linalg.lstsq(system, values, rcond=None)[0]
        error = numpy.sqrt(numpy.mean((equations @ solution - wanted) ** 2))
        return numpy.sum((system @ solution - values) ** 2), error, solution

    def equations(self, points, angle, x, y):
        """The shifts of points, all rightward and then all downward ones, by each of the unknown numbers."""
        direction = numpy.array([math.cos(math.radians(angle)), math.sin(math.radians(angle))])
        ends = numpy.array(unit_square(*self.size)) @ direction
        place = (points @ direction - ends.min()) / (ends.max() - ends.min()) * (NODES - 1)
        nodes = numpy.maximum(0, 1 - abs(place[:, None] - numpy.arange(NODES)))
        from_foot = points - numpy.array(self.size) / 2 - (x, y)
        u, v = points.T / 100
        one, nothing = numpy.ones(len(points)), numpy.zeros(len(points))
        none = [nothing] * 3
        changes = [[one, u, v, *none, u * u, u * v], [*none, one, u, v, u * v, v * v]]
        terms = [[nodes * from_foot[:, [i]], nodes * direction[i], numpy.array(changes[i]).T] for i in (0, 1)]
        return numpy.vstack([numpy.hstack(row) for row in terms])

    def shifted(self, points):
        return points + (self.equations(points, *self.bend) @ self.solution).reshape(2, -1).T


class Grid:
    """The map that `sohoa inspect` gives, millimetres: that of the corners after a bilinear shift on the page."""

    def __init__(self, grid, width_mm, height_mm):
        self.size = (width_mm, height_mm)
        corners = [grid[0][0], grid[0][-1], grid[-1][-1], grid[-1][0]]
        self.to_flat = inverse(homography(unit_square(*self.size), corners))
        rows, columns = len(grid), len(grid[0])
        self.shifts = [[self.shift_of(node, column / (columns - 1), row / (rows - 1))
                        for column, node in enumerate(nodes)] for row, nodes in enumerate(grid)]

    def shift_of(self, node, u, v):
        x, y = project(self.to_flat, node)
        return x - u * self.size[0], y - v * self.size[1]

    def shift(self, point):
        cells = []
        for value, length, count in zip(point, self.size, (len(self.shifts[0]), len(self.shifts))):
            place = min(max(value / length, 0), 1) * (count - 1)
            cell = min(int(place), count - 2)
            cells.append((cell, place - cell))
        (column, fx), (row, fy) = cells
        a, b = self.shifts[row][column:column + 2]
        c, d = self.shifts[row + 1][column:column + 2]
        return [(1 - fy) * ((1 - fx) * a[i] + fx * b[i]) + fy * ((1 - fx) * c[i] + fx * d[i]) for i in (0, 1)]

    def to_page(self, seen):
        flat = place = project(self.to_flat, seen)
        for _ in range(ROUNDS):
            shift = self.shift(place)
            place = (flat[0] - shift[0], flat[1] - shift[1])
        return place

    def greatest_shift(self):
        return max(math.hypot(*shift) for nodes in self.shifts for shift in nodes)


def unit_square(width, height):
    return [(0, 0), (width, 0), (width, height), (0, height)]


def homography(source, target):
    """The plane projective map that takes four points to four others, as nine numbers."""
    rows = []
    for (x, y), (u, v) in zip(source, target):
        rows.append([x, y, 1, 0, 0, 0, -u * x, -u * y, u])
        rows.append([0, 0, 0, x, y, 1, -v * x, -v * y, v])
    for column in range(8):
        pivot = max(range(column, 8), key=lambda row: abs(rows[row][column]))
        rows[column], rows[pivot] = rows[pivot], rows[column]
        for row in range(8):
            if row != column:
                factor = rows[row][column] / rows[column][column]
                rows[row] = [a - factor * b for a, b in zip(rows[row], rows[column])]
    return [rows[i][8] / rows[i][i] for i in range(8)] + [1]


def inverse(map):
    a, b, c, d, e, f, g, h, i = map
    return [e * i - f * h, c * h - b * i, b * f - c * e,
            f * g - d * i, a * i - c * g, c * d - a * f,
            d * h - e * g, b * g - a * h, a * e - b * d]


def project(map, point):
    x, y = point
    w = map[6] * x + map[7] * y + map[8]
    return (map[0] * x + map[1] * y + map[2]) / w, (map[3] * x + map[4] * y + map[5]) / w
