"""`python -m ctibutler` is the command `ctibutler`."""

from ctibutler.cli.main import run

run()
