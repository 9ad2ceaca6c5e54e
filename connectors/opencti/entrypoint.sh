#!/bin/sh
# exec, so that the request to stop reaches the connector.
cd /opt/opencti-connector-ctibutler || exit 1
exec python3 main.py
