# SPDX-License-Identifier: GPL-2.0
"""Programs of scripts/ and other directories as modules, for their tests."""

import importlib.machinery
import importlib.util
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent.parent
sys.dont_write_bytecode = True


def load(name, directory="scripts"):
    """A program as a module."""
    loader = importlib.machinery.SourceFileLoader(name.replace("-", "_"), str(TOP / directory / name))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module
