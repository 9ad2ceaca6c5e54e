"""The base classes of the settings: those of OpenCTI's connectors SDK where it is installed, else ours.

The SDK is not on the package index, and each release of it requires exactly one pycti, that of the same platform. So
`requirements.txt`, which allows a span of pycti, cannot name it. Installed beside the pycti of its own version, it is
used: the other bounds are the same here (pydantic 2.8.2, pydantic-settings 2.9.1), but the SDK stops at Python 3.12.

In OpenCTI's repository of connectors, this module is one import, and `standalone_settings` is not needed.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from connector.standalone_settings import (
        BaseConfigModel,
        BaseConnectorSettings,
        BaseExternalImportConnectorConfig,
        ConfigValidationError,
        ListFromString,
    )
else:
    try:
        from connectors_sdk import (
            BaseConfigModel,
            BaseConnectorSettings,
            BaseExternalImportConnectorConfig,
            ConfigValidationError,
            ListFromString,
        )
    except ModuleNotFoundError:
        from connector.standalone_settings import (
            BaseConfigModel,
            BaseConnectorSettings,
            BaseExternalImportConnectorConfig,
            ConfigValidationError,
            ListFromString,
        )

__all__ = [
    "BaseConfigModel",
    "BaseConnectorSettings",
    "BaseExternalImportConnectorConfig",
    "ConfigValidationError",
    "ListFromString",
]
