"""What HTTPS is served with."""

from __future__ import annotations

import ssl

from service.settings import Settings


class TlsError(Exception):
    """Certificate or key cannot be used; the message is for the operator."""


def tls_context(settings: Settings) -> ssl.SSLContext | None:
    """TLS 1.2 or 1.3 with the certificate of the settings; None where there is none.

    Raises TlsError.
    """
    if settings.tls_cert is None:
        if settings.tls_key:
            raise TlsError("tls_key is set, but not tls_cert")
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        # A password in any case, else OpenSSL asks for one at the terminal.
        context.load_cert_chain(
            settings.tls_cert, settings.tls_key, lambda: settings.tls_key_password
        )
    except ssl.SSLError as error:
        reason = (error.reason or "not PEM, or a wrong password").lower().replace("_", " ")
        raise TlsError(f"tls_cert, tls_key or tls_key_password is wrong: {reason}") from error
    except OSError as error:
        raise TlsError(f"tls_cert or tls_key cannot be read: {error.strerror}") from error
    return context
