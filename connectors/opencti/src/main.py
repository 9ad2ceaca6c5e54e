"""Entry point of the CTI Butler connector for OpenCTI."""

import os
import signal
import sys
import traceback

from pycti import OpenCTIConnectorHelper

from connector.connector import CtiButlerConnector
from connector.settings import ConfigValidationError, ConnectorSettings
from connector.stopping import Stopped, raise_on_sigterm

_gave_up = False


def _pycti_gave_up(*_: object) -> None:
    """pycti calls the exception hook where it cannot go on, a failed check of the queue for instance."""
    global _gave_up
    _gave_up = True
    traceback.print_exc()
    os.kill(os.getpid(), signal.SIGTERM)


def main() -> int:
    """Run the connector; the exit code is 2 for a configuration that cannot be used, 1 for a failed run."""
    try:
        settings = ConnectorSettings()
    except ConfigValidationError as error:
        print(error, file=sys.stderr)
        return 2
    connector = None
    raise_on_sigterm()
    try:
        helper = OpenCTIConnectorHelper(config=settings.to_helper_config())
        sys.excepthook = _pycti_gave_up
        connector = CtiButlerConnector(settings, helper)
        connector.run()
    except Stopped:
        return int(_gave_up)
    except SystemExit:
        pass  # how pycti ends a run-and-terminate, always with 0
    except Exception:
        traceback.print_exc()
        return 1
    return int(connector is None or connector.failed)


if __name__ == "__main__":
    sys.exit(main())
