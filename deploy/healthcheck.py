"""Checks whether the service in this container is ready; exits 1 with the reason when it is not.

The container's HEALTHCHECK. Standard library only: an exchange on loopback, past any proxy.
"""

import http.client
import os
import sys


def main() -> int:
    """Returns 0 when /health/ready answers 200, else 1 with the answer on standard output."""
    port = int(os.environ.get("NORDLYD_PORT", "8000"))
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=4)
    try:
        connection.request("GET", "/health/ready")
        answer = connection.getresponse()
        body = answer.read(2000).decode("utf-8", "replace")
    except (OSError, http.client.HTTPException) as error:
        sys.stdout.write(f"port {port} does not answer: {error}\n")
        return 1
    finally:
        connection.close()
    sys.stdout.write(f"{answer.status} {body}\n")
    return 0 if answer.status == http.client.OK else 1


if __name__ == "__main__":
    sys.exit(main())
