"""The first thing that runs in a sandbox: limits, the import path, then an IPython kernel with the wall's inner side.

Called as `python -I -S boot.py CONFIG [kernel arguments]`. Without `site` no path file is read, so that nothing that is
installed on the host finds its way in.
"""

import json
import os
import resource
import sys
from typing import Any


def main(config: dict[str, Any], arguments: list[str]) -> None:
    """Never returns while the kernel lives."""
    for name, most in config["rlimits"].items():
        kind = getattr(resource, f"RLIMIT_{name}")
        resource.setrlimit(kind, (most, most))
    # whoever watches must be heard above a thousand processes
    os.nice(5)
    sys.path[:] = config["path"]
    sys.argv = ["kernel", *arguments]
    import site

    site.sethelper()
    for name, source in config["caches"].items():
        _seed_cache(name, source)
    if config["wall"]:
        from autograder.sandbox import inside

        inside.connect(config["wall"])
    _start_kernel(arguments, bool(config["wall"]))


def _seed_cache(variable: str, source: str) -> None:
    """A cache that would take seconds to make: copied, since its owner wants to write there."""
    import shutil

    if not os.path.exists(os.environ[variable]):  # noqa: PTH110 - before pathlib need be imported
        shutil.copytree(source, os.environ[variable])


def _start_kernel(arguments: list[str], walled: bool) -> None:
    from ipykernel.kernelapp import IPKernelApp

    app = IPKernelApp.instance()
    app.initialize([*arguments, "--HistoryManager.enabled=False", "--quiet"])
    if walled:
        from autograder.sandbox import inside

        inside.serve_in(app.kernel)
    app.start()


if __name__ == "__main__":
    main(json.loads(sys.argv[1]), sys.argv[2:])
