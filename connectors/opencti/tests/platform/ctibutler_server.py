"""A ctibutler server with the releases that the tests need."""

import os

RELEASES = {
    "attack-enterprise": ("17.1", "18.1"),
    "attack-mobile": ("17.1", "18.1"),
    "attack-ics": ("17.1", "18.0", "18.1"),
    "capec": ("3.8", "3.9"),
    "cwe": ("4.14",),
    "disarm": ("1.5", "1.6"),
    "atlas": ("4.9.0", "5.6.0"),
    "mitre-f3": ("1.0", "1.1"),
    "location": ("1.0",),
    "sector": ("1.0",),
    "d3fend": ("1.1.0", "1.2.0"),
}


class CtiButlerServer:
    def __init__(self) -> None:
        self.url = os.environ["CTIBUTLER_TEST_SERVER_URL"]

    def stop(self) -> None:
        pass
