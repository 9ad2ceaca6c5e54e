"""Maps marking definitions to those that OpenCTI creates at its first start.

The platform refuses an object with a marking that it does not have.
"""

from connector.stix import StixObject

TLP_CLEAR = "marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9"
TLP_GREEN = "marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da"
TLP_AMBER = "marking-definition--f88d31f6-486f-44da-b317-01333bde0b82"
TLP_AMBER_STRICT = "marking-definition--826578e1-40ad-459f-bc73-ede076f81f37"
TLP_RED = "marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed"

PLATFORM = {
    "clear": TLP_CLEAR,
    "green": TLP_GREEN,
    "amber": TLP_AMBER,
    "amber+strict": TLP_AMBER_STRICT,
    "red": TLP_RED,
}

# TLP 2.0 has new ids. The platform kept those of TLP 1.0, and has its own for AMBER+STRICT.
TLP_2 = {
    "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487": TLP_CLEAR,
    "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb": TLP_GREEN,
    "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421": TLP_AMBER,
    "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003": TLP_AMBER_STRICT,
    "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1": TLP_RED,
}


class Markings:
    """The markings of one release, as the settings want them."""

    def __init__(self, default: str, statements: dict[str, StixObject]) -> None:
        """`default` is for objects without TLP, or `none`. `statements` are the definitions to keep."""
        self._default = PLATFORM.get(default)
        self._statements = statements

    def of(self, item: StixObject) -> list[str]:
        """The markings to send with an object."""
        references = item.get("object_marking_refs") or ()
        tlp = [
            TLP_2.get(ref, ref)
            for ref in references
            if ref in TLP_2 or ref in PLATFORM.values()
        ]
        if not tlp and self._default:
            tlp = [self._default]
        return list(
            dict.fromkeys(
                [*tlp, *(ref for ref in references if ref in self._statements)]
            )
        )
