"""The rooms of the code, in the order of the layers that import-linter holds, read from the sources."""

import ast
import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import grimp

ROOT = Path(__file__).parents[2]
BAKEOFF = "bakeoff"
EXECUTOR = "snakemake_executor_plugin_submitit"
BARS = "snakemake_logger_plugin_bars"
SOURCES = {
    BAKEOFF: ROOT / "src",
    EXECUTOR: ROOT / "src/snakemake-executor-plugin-submitit",
    BARS: ROOT / "src",
}
FOUNDATIONS = "What every room may use"
ENTRY = "__main__"
# References in a docstring's first line are for those who read the module.
REFERENCE = re.compile(r"\s*\([^()]*(?:\bseeds? D\d|\bD\d:|arXiv|Fig\.)[^()]*\)")


@dataclass(frozen=True)
class Room:
    """A package, or a few modules that stand in a layer by themselves."""

    house: str
    name: str  # below its house: `tracking/journal`; for single modules their names
    purpose: str
    modules: tuple[str, ...]  # full names; what a module uses stands before it

    def short(self, module: str) -> str:
        """A module's name as its room says it: `splits`, `synthesis.write`."""
        name = module.removeprefix(f"{self.house}.")
        return name.removeprefix(self.name.replace("/", ".") + ".")

    @property
    def folder(self) -> str:
        """Where the room is, from the root of the repository."""
        house = (SOURCES[self.house] / self.house).relative_to(ROOT)
        return f"{house / self.name if self.is_package else house}/"

    @property
    def says(self) -> str:
        """What it is for; of modules that stand alone each says so itself."""
        if self.is_package or self.purpose == FOUNDATIONS:
            return self.purpose
        return ", ".join(f"`{self.short(module)}`" for module in self.modules)

    @property
    def is_package(self) -> bool:
        """Whether the room is a folder; else it is modules beside the folders."""
        return source(f"{self.house}.{self.name.replace('/', '.')}").name == "__init__.py"


@cache
def source(module: str) -> Path:
    """The file of a module or package, by its full name; it need not be there."""
    path = SOURCES[module.split(".")[0]] / module.replace(".", "/")
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


@cache
def tree(file: Path) -> ast.Module:
    """A source file, parsed."""
    return ast.parse(file.read_text(encoding="utf-8"))


@cache
def purpose(module: str) -> str:
    """The first paragraph of a module's docstring, without references and final stop."""
    text = ast.get_docstring(tree(source(module))) or ""
    return REFERENCE.sub("", " ".join(text.split("\n\n")[0].split())).rstrip(".")


@cache
def imports() -> grimp.ImportGraph:
    """Who imports whom, without what the layers except: old names that lead to new ones."""
    graph = grimp.build_graph(*SOURCES, cache_dir=None)
    for contract in _contracts():
        for excepted in contract.get("ignore_imports", ()):
            importer, imported = excepted.split(" -> ")
            graph.remove_import(importer=importer, imported=imported)
    return graph


def connected(one: str, other: str) -> bool:
    """Whether one of two modules imports the other."""
    graph = imports()
    pair = ((one, other), (other, one))
    return any(graph.direct_import_exists(importer=a, imported=b) for a, b in pair)


@cache
def rooms() -> tuple[Room, ...]:
    """Every room, those that import above those that they import, house by house."""
    return tuple(room for house in SOURCES for room in _house(house))


def _house(house: str) -> Iterable[Room]:
    if house not in (layers := _layers()):
        yield Room(house, "", purpose(house), _by_use(_within(house)))
        return
    # Modules that stand alone in neighbouring layers are one room.
    alone: list[str] = []
    names = [*layers[house], None]
    for name in names:
        if name is not None and source(f"{house}.{name.replace('/', '.')}").name != "__init__.py":
            alone += [] if name == ENTRY else [name]
            continue
        if alone:
            first = f"{house}.{alone[0]}"
            says = FOUNDATIONS if name is None else purpose(first)
            modules = _by_use(f"{house}.{one}" for one in alone)
            yield Room(house, ", ".join(alone), says, modules)
            alone = []
        if name is not None:
            package = f"{house}.{name.replace('/', '.')}"
            rooms_inside = [
                f"{house}.{other.replace('/', '.')}"
                for other in layers[house]
                if other.startswith(f"{name}/")
            ]
            inside = (
                module
                for module in _within(package)
                if not any(f"{module}.".startswith(f"{other}.") for other in rooms_inside)
            )
            yield Room(house, name, purpose(package), _by_use(inside))


def _layers() -> dict[str, list[str]]:
    """The names below each house from its highest layer to its lowest, by the contracts in pyproject.toml.

    Where the inside of a package has layers too, these take its place, with the package itself last.
    """
    flat = [
        (contract["containers"][0], name.strip(" ()"))
        for contract in _contracts()
        for layer in contract["layers"]
        for name in re.split(r"[|:]", layer)
    ]
    houses = [container for container, _ in flat if "." not in container]
    found = {house: [n for c, n in flat if c == house] for house in houses}
    for name in (f"{container}.{name}" for container, name in flat if "." in container):
        house, package, *inner = name.split(".")
        if inner and source(name).name == "__init__.py":
            names = found[house]
            names.insert(names.index(package), "/".join([package, *inner]))
    return found


def _contracts() -> list[dict[str, Any]]:
    told = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts: list[dict[str, Any]] = told["tool"]["importlinter"]["contracts"]
    return [contract for contract in contracts if contract["type"] == "layers"]


def _within(package: str) -> list[str]:
    return [m for m in imports().modules if m.startswith(f"{package}.")]


def _by_use(modules: Iterable[str]) -> tuple[str, ...]:
    """What a module uses stands before it, right before it where that can be."""
    graph, inside, ordered = imports(), set(modules), dict.fromkeys(())

    def put(module: str) -> None:
        if module in waiting:
            return
        waiting.add(module)
        for used in sorted(graph.find_modules_directly_imported_by(module) & inside):
            put(used)
        ordered[module] = None

    waiting: set[str] = set()
    used_here = {m for m in inside if graph.find_modules_that_directly_import(m) & inside}
    for module in [*sorted(inside - used_here), *sorted(used_here)]:
        put(module)
    return tuple(ordered)


def room_of(module: str) -> Room:
    """The room that a module is in; KeyError for one that is in none."""
    for room in rooms():
        if module in room.modules:
            return room
    raise KeyError(f"{module}: in no room; does it exist, and do the layers name its package?")


@cache
def arrows() -> frozenset[tuple[Room, Room]]:
    """Which room imports from which, without the arrows that follow from others."""
    places = {module: room for room in rooms() for module in room.modules}
    uses: dict[Room, set[Room]] = {room: set() for room in rooms()}
    for module, room in places.items():
        used = imports().find_modules_directly_imported_by(module)
        uses[room] |= {places[other] for other in used if other in places} - {room}

    def reached(room: Room, seen: set[Room]) -> set[Room]:
        for used in uses[room] - seen:
            seen.add(used)
            reached(used, seen)
        return seen

    return frozenset(
        (one, other)
        for one in uses
        for other in uses[one]
        if not any(other in reached(third, set()) for third in uses[one] if third is not other)
    )
