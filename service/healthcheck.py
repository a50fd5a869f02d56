"""python -I -S service/healthcheck.py: exit status 0 where the service on this machine is ready.

For a container, which runs it again and again: it loads as little of Python as can ask.
"""

import http.client
import os
import sys

PORT = int(os.environ.get("SERVICE_PORT", "8000"))
SECONDS = 2


def connect() -> http.client.HTTPConnection:
    """Over TLS where the service has a certificate: for another name than this address."""
    if not os.environ.get("SERVICE_TLS_CERT"):
        return http.client.HTTPConnection("127.0.0.1", PORT, timeout=SECONDS)
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return http.client.HTTPSConnection("127.0.0.1", PORT, timeout=SECONDS, context=context)


if __name__ == "__main__":
    connection = connect()
    connection.request("GET", "/health/ready")
    sys.exit(connection.getresponse().status != 200)
