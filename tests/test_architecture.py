"""What may import what, read from the source."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator

from tests.running import ROOT

# A module imports only those to its right, and none between the same signs. A package has one
# place; what its own modules do among themselves is up to them.
ORDER = """
__main__ > supervisor > acceptor > process, worker > app, connection, tls, files > routes, shedding,
limits > pages, registry > reading, explaining > digits, sentiment > predictor > batching, session,
artifact > admission > waiting > cost > gate > access > keys, quota > problems, request_log, tracing
> exchange > timing > telemetry > schemas, counters > contract > logs > line_writer, settings >
cpus, errors, healthcheck
"""
PLACE = {
    name.strip(): place for place, names in enumerate(ORDER.split(">")) for name in names.split(",")
}


def imports(package: str) -> Iterator[tuple[str, str]]:
    """Each module below `package` with the full name of each thing that it imports, anywhere."""
    for path in sorted((ROOT / package).rglob("*.py")):
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                yield from ((module, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{module} has a relative import"
                yield from ((module, f"{node.module}.{alias.name}") for alias in node.names)


def within(name: str, *packages: str) -> bool:
    return any(f"{name}.".startswith(f"{package}.") for package in packages)


def test_every_module_of_the_service_has_its_place() -> None:
    folder = ROOT / "service"
    modules = {path.relative_to(folder).parts[0] for path in folder.rglob("*.py")}
    assert {name.removesuffix(".py") for name in modules - {"__init__.py"}} == PLACE.keys()


def test_service_imports_one_way() -> None:
    for module, name in imports("service"):
        if within(name, "service"):
            own, other = module.split(".")[1], name.split(".")[1]
            assert own == other or PLACE[own] < PLACE[other], f"{module} must not import {name}"


def test_service_package_itself_imports_nothing() -> None:
    assert [name for module, name in imports("service") if module == "service"] == []


def test_service_knows_nothing_of_training() -> None:
    needed_there = ("training", "torch", "onnx", "gensim", "matplotlib", "sklearn", "tqdm")
    assert [pair for pair in imports("service") if within(pair[1], *needed_there)] == []


def test_training_takes_only_the_contract_of_the_service() -> None:
    taken = [pair for pair in imports("training") if within(pair[1], "service")]
    assert taken
    assert [pair for pair in taken if not within(pair[1], "service.contract")] == []


def test_only_the_session_knows_the_runtime() -> None:
    knowing = {module for module, name in imports("service") if within(name, "onnxruntime")}
    assert knowing == {"service.session"}


def test_only_the_batcher_and_the_path_to_it_know_of_batches() -> None:
    knowing = {module for module, name in imports("service") if within(name, "service.batching")}
    assert knowing == {"service.predictor"}


def test_batching_knows_no_model_no_runtime_and_no_http() -> None:
    own = {"service.batching", "service.admission", "service.waiting", "service.cost"}
    allowed = {*own, "service.errors", "service.telemetry"}
    taken = {name for module, name in imports("service") if module in own}
    assert {".".join(name.split(".")[:2]) for name in taken if within(name, "service")} <= allowed
    assert {name.split(".")[0] for name in taken} <= sys.stdlib_module_names | {"service"}


def test_contract_loads_neither_web_framework_nor_runtime_nor_torch() -> None:
    modules = sorted(path.stem for path in (ROOT / "service" / "contract").glob("[!_]*.py"))
    script = f"import sys; from service.contract import {', '.join(modules)}; print(*sys.modules)"
    loaded = subprocess.check_output([sys.executable, "-c", script], cwd=ROOT, text=True).split()
    assert "service.contract.image" in loaded
    assert {"fastapi", "starlette", "uvicorn", "onnxruntime", "torch"}.isdisjoint(loaded)
