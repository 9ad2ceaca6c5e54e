"""Entry point of the CTI Butler connector for OpenCTI."""

import os
import signal
import sys
import traceback

from connector.compatibility import explained, unknown_field
from connector.connector import CtiButlerConnector
from connector.dry_run import dry_run
from connector.settings import ConfigValidationError, ConnectorSettings
from connector.stopping import Stopped, raise_on_sigterm
from pycti import OpenCTIApiClient, OpenCTIConnectorHelper

_gave_up = False


def _pycti_gave_up(*_: object) -> None:
    """pycti calls the exception hook when it cannot continue, for example after a failed check of the queue."""
    global _gave_up
    _gave_up = True
    traceback.print_exc()
    os.kill(os.getpid(), signal.SIGTERM)


def main() -> int:
    """Run the connector and return its exit code: 2 for an unusable configuration, 1 for a failed run."""
    try:
        settings = ConnectorSettings()
    except ConfigValidationError as error:
        print(error, file=sys.stderr)
        return 2
    raise_on_sigterm()
    connector = None
    try:
        if settings.ctibutler.dry_run:
            return 0 if dry_run(settings, _client(settings), print) else 1
        helper = OpenCTIConnectorHelper(config=settings.to_helper_config())
        sys.excepthook = _pycti_gave_up
        connector = CtiButlerConnector(settings, helper)
        connector.run()
    except Stopped:
        return int(_gave_up)
    except SystemExit:
        pass  # how pycti ends a run-and-terminate, always with 0
    except Exception as error:
        if unknown_field(error):
            print(explained(error, _client(settings)), file=sys.stderr)
        raise
    return int(connector is None or connector.failed)


def _client(settings: ConnectorSettings) -> OpenCTIApiClient:
    options = settings.to_helper_config()["opencti"]
    verify = str(options.get("ssl_verify", "false")).lower() == "true"
    return OpenCTIApiClient(
        options["url"], options["token"], log_level="error", ssl_verify=verify
    )


if __name__ == "__main__":
    try:
        code = main()
    except Exception:
        traceback.print_exc()
        code = 1
    sys.exit(code)
