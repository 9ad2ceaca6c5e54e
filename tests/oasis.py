"""The OASIS validator's verdict on STIX."""

from __future__ import annotations

import warnings
from collections import Counter
from typing import Any


def verdicts(bundle: dict[str, Any]) -> tuple[bool, Counter[str]]:
    """Whether the validator accepts a bundle, and its errors."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from stix2validator import ValidationOptions, validate_instance

        result = validate_instance(bundle, ValidationOptions(version="2.1", strict=False))
    return result.is_valid, Counter(str(error) for error in result.errors)


def verdicts_on(objects: list[dict[str, Any]]) -> tuple[bool, Counter[str]]:
    """The verdicts on these objects, in a bundle."""
    return verdicts({"type": "bundle", "id": "bundle--6d2ec0b4-6f0e-4c5c-8f4d-5f9d6b8c2a11", "objects": objects})
