"""Exits with 0 while the server answers, whatever it answers: the container's health check. `is_alive.py [PORT]`."""

import http.client
import ssl
import sys


def main() -> int:
    """Ask for /health."""
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 10380
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # its own certificate, on its own machine
    connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=8, context=context)
    try:
        connection.request("GET", "/health")
        connection.getresponse().read()
    except (OSError, http.client.HTTPException) as error:
        print(f"the server does not answer: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
