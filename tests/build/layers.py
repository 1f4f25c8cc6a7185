"""Who may include whom, and no circle."""
import pathlib
import re

# Each room and the rooms that it may include besides itself. Longest name first: trainer/control is not in trainer.
MAY_INCLUDE = {
    "bus": (),
    "operators": ("bus",),
    "trainer/control": ("bus", "operators"),
    "trainer/callbacks": ("bus", "operators", "trainer/control"),
    "kernels": (),
    "trainer": ("bus", "operators", "trainer/control", "trainer/callbacks", "kernels"),
}
UMBRELLAS = {"control": "trainer/control", "callbacks": "trainer/callbacks", "sidestep": "trainer"}
SOURCES = {".hpp", ".cpp", ".h", ".cu", ".cuh"}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)


def room_of(path):
    """The room of bus/ring.hpp, of trainer/control/all.hpp; None outside the rooms."""
    rooms = [room for room in MAY_INCLUDE if path.startswith(room + "/")]
    return max(rooms, key=len, default=None)


def target_of(bracket, spelling, includer, root):
    """The included file, relative to the root, if it is ours; an umbrella is the room's all.hpp."""
    if bracket == "<":
        if not spelling.startswith("sidestep/"):
            return None
        inside = spelling.removeprefix("sidestep/")
        if "/" not in inside:
            name = inside.removesuffix(".hpp")
            return UMBRELLAS.get(name, name) + "/all.hpp"
        return inside
    beside = (root / includer).parent / spelling
    found = beside if beside.exists() else root / spelling
    return found.resolve().relative_to(root).as_posix() if found.exists() else spelling


def includes(root):
    """{file: [included files of ours]} of every source in the rooms."""
    root = pathlib.Path(root).resolve()
    graph = {}
    for top in sorted({room.split("/")[0] for room in MAY_INCLUDE}):
        for path in sorted((root / top).rglob("*")):
            if path.suffix in SOURCES:
                name = path.relative_to(root).as_posix()
                found = INCLUDE.findall(path.read_text(encoding="utf-8"))
                targets = (target_of(bracket, spelling, name, root) for bracket, spelling in found)
                graph[name] = [target for target in targets if target]
        for form in (root / top).rglob("all.hpp.in"):  # made of its room's headers
            room = form.parent.relative_to(root).as_posix()
            graph[f"{room}/all.hpp"] = [name for name in graph if name.startswith(room) and name.endswith(".hpp")]
    return graph


def trespasses(graph):
    """One sentence for each include that a wall forbids."""
    for name, targets in graph.items():
        room = room_of(name)
        for target in targets:
            other = room_of(target)
            if other is None:
                yield f"{name} includes {target}, which is in no room"
            elif other != room and other not in MAY_INCLUDE[room]:
                yield f"{name} includes {target}: {room} may include {', '.join(MAY_INCLUDE[room]) or 'nobody'}"


def circle(graph):
    """A list of files, each of which includes the next and the last the first; empty if there is none."""
    done = set()

    def walk(name, trail):
        if name in trail:
            return trail[trail.index(name):]
        if name in done:
            return []
        for target in graph.get(name, ()):
            found = walk(target, trail + [name])
            if found:
                return found
        done.add(name)
        return []

    return next((found for name in graph if (found := walk(name, []))), [])
