"""Says in one line what is wrong with the Python that would make the virtual environment."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036  # this very file must run on older ones to say so
    sys.exit(
        f"Tetik needs Python 3.11 or newer; this is {sys.version.split()[0]}. "
        "Choose another one: make setup PYTHON=python3.12"
    )
