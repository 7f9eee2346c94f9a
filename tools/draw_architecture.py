#!/usr/bin/env python3
"""Draws the modules of Package.swift and which imports which, as docs/images/architecture.svg.

    python3 tools/draw_architecture.py            writes the image
    python3 tools/draw_architecture.py --check    exit status 1 when the image does not match Package.swift

A module stands above all that it imports. An import that another import already implies is not drawn.
"""
import pathlib
import re
import sys

PROJECT = pathlib.Path(__file__).resolve().parent.parent
PICTURE = PROJECT / "docs" / "images" / "architecture.svg"
WIDTH, ROW, BOX, HEIGHT = 1120, 74, 112, 30


def imports():
    """The modules that each module imports, from the text of Package.swift; tests and products of packages are left out."""
    text = re.sub(r"//.*", "", (PROJECT / "Package.swift").read_text())
    found = {}
    for call in re.finditer(r'\+ module\((.*?)\)(?=\s*(?:\+|,))', text, re.S):
        names = re.findall(r'"(\w+)"', re.sub(r"tests:.*", "", call[1], flags=re.S))
        found[names[0]] = set(names[1:])
    for part in re.split(r"\n {8}(?=\.(?:target|executableTarget|testTarget)\()", text)[1:]:
        name = re.match(r'\.(?:target|executableTarget)\(\s*name: "(\w+)"', part)
        if name and 'path: "Tests/' not in part:
            listed = re.search(r"dependencies: \[(.*?)\]", part, re.S)
            found[name[1]] = set(re.findall(r'"(\w+)"', listed[1] if listed else ""))
    return {name: {used for used in uses if used in found} for name, uses in found.items()}


def reached(name, uses):
    """All modules that a module imports, directly or not."""
    return set().union(*({used} | reached(used, uses) for used in uses[name]))


def levels(uses):
    level = {}

    def of(name):
        if name not in level:
            level[name] = 1 + max((of(used) for used in uses[name]), default=-1)
        return level[name]

    for name in uses:
        of(name)
    return level


def places(uses):
    """The centre of each module: rows by level, within a row near what it imports."""
    level, x = levels(uses), {}
    top = max(level.values())
    for row in range(top + 1):
        names = [name for name in uses if level[name] == row]

        def wish(name):
            below = [x[used][0] for used in uses[name] if used in x]
            return (sum(below) / len(below) if below else WIDTH / 2, name)

        names.sort(key=wish)
        for place, name in enumerate(names):
            x[name] = (WIDTH * (place + 0.5) / len(names), 40 + (top - row) * ROW)
    return x


def picture():
    uses = imports()
    centre = places(uses)
    height = max(y for _, y in centre.values()) + 40
    engine = {name for name in uses if "CTorch" in {name} | reached(name, uses)}
    parts = []
    for name in sorted(uses):
        implied = set().union(*(reached(used, uses) for used in uses[name]))
        for used in sorted(uses[name] - implied):
            (x1, y1), (x2, y2) = centre[name], centre[used]
            y1, y2 = y1 + HEIGHT / 2, y2 - HEIGHT / 2
            # Leaves where its target lies, bends between two rows, then runs straight down.
            x1 += max(-0.4, min(0.4, (x2 - x1) / WIDTH)) * BOX
            turn = y1 + ROW - HEIGHT
            parts.append(f'<path d="M{x1:.0f} {y1:.0f} C{x1:.0f} {turn:.0f} {x2:.0f} {y1:.0f} {x2:.0f} {turn:.0f} V{y2:.0f}" '
                         'fill="none" stroke="#9aa5b1" stroke-width="1.3"/>')
    for name in sorted(uses):
        x, y = centre[name]
        fill = "#dbe9f6" if name in engine else "#f5f7fa"
        parts.append(f'<rect x="{x - BOX / 2:.0f}" y="{y - HEIGHT / 2:.0f}" width="{BOX}" height="{HEIGHT}" rx="5" '
                     f'fill="{fill}" stroke="#5f6c7b"/>')
        parts.append(f'<text x="{x:.0f}" y="{y + 4.5:.0f}" text-anchor="middle" font-size="13" fill="#1f2933">{name}</text>')
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height:.0f}" '
            f'viewBox="0 0 {WIDTH} {height:.0f}" role="img" font-family="Helvetica, Arial, DejaVu Sans, sans-serif">\n'
            "<title>The modules of Fovea; each stands above those that it imports; those that link libtorch are blue</title>\n"
            '<rect width="100%" height="100%" fill="#ffffff"/>\n' + "\n".join(parts) + "\n</svg>\n")


def main():
    drawn = picture()
    if sys.argv[1:] == ["--check"]:
        if not PICTURE.exists() or PICTURE.read_text() != drawn:
            sys.exit(f"{PICTURE.relative_to(PROJECT)} does not match Package.swift: run tools/draw_architecture.py")
        return
    PICTURE.write_text(drawn)
    print(PICTURE.relative_to(PROJECT))


if __name__ == "__main__":
    main()
