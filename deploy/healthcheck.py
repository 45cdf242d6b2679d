"""Checks whether the service in this container is ready; exits 1 with the reason when it is not.

The container's HEALTHCHECK. With --live it checks whether a restart would help, for Kubernetes'
livenessProbe: the service does not answer, or its device hangs.
Standard library only: an exchange on loopback, past any proxy.
"""

import http.client
import json
import os
import sys


def main(arguments: list[str]) -> int:
    """Returns 0 when the check passes, else 1, with the answer on standard output."""
    live = arguments == ["--live"]
    if arguments and not live:
        sys.stdout.write("usage: healthcheck.py [--live]\n")
        return 2
    port = int(os.environ.get("NORDLYD_PORT", "8000"))
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=9 if live else 4)
    try:
        connection.request("GET", "/health" if live else "/health/ready")
        answer = connection.getresponse()
        body = answer.read(1_000_000).decode("utf-8", "replace")
        passed = answer.status == http.client.OK
        if live and passed:
            passed = json.loads(body)["state"] != "hung"
    except (OSError, http.client.HTTPException, ValueError, KeyError) as error:
        sys.stdout.write(f"port {port} does not answer: {error}\n")
        return 1
    finally:
        connection.close()
    sys.stdout.write(f"{answer.status} {body[:2000]}\n")
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
