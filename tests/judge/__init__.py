# SPDX-License-Identifier: GPL-2.0
"""The judge: decides whether a booted case passed, from its output, its
console, its exit status and its trace, and nothing else."""
