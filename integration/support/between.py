"""Somebody between two ends of a TLS connection: speaks TLS with each, with a certificate of its own, and passes on what it
hears. Whoever only checks that there is TLS does not notice; a login that is bound to the certificate does."""

import select
import socket
import ssl
import struct
import threading

from support.certificates import Pair

SSL_REQUEST = struct.pack("!ii", 8, 80877103)


class Between:
    """Listens on `port` of `host`, in front of another port of the same host. May keep the offer of channel binding back."""

    host = "127.0.0.1"

    def __init__(self, behind: int, pair: Pair, keeps_back: bool = False):
        self.behind = behind
        self.keeps_back = keeps_back
        self.shown = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.shown.load_cert_chain(pair.cert, pair.key)
        self.believed = ssl._create_unverified_context()
        self.listener = socket.create_server((self.host, 0))
        self.port = self.listener.getsockname()[1]
        self.heard = b""

    def __enter__(self) -> "Between":
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.listener.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(near,), daemon=True).start()

    def _serve(self, near: socket.socket) -> None:
        try:
            far = socket.create_connection((self.host, self.behind))
            assert near.recv(8) == SSL_REQUEST
            far.sendall(SSL_REQUEST)
            assert far.recv(1) == b"S"
            near.sendall(b"S")
            near = self.shown.wrap_socket(near, server_side=True)
            far = self.believed.wrap_socket(far)
        except (OSError, AssertionError):
            return
        self._pass_on(near, far)

    def _pass_on(self, near: ssl.SSLSocket, far: ssl.SSLSocket) -> None:
        """Both directions in one thread: a TLS connection of Python's may hang when two use it at once."""
        other = {near: far, far: near}
        for end in other:
            end.setblocking(False)
        try:
            while select.select(list(other), [], []):
                for source, target in other.items():
                    while piece := read(source):
                        self._hand_over(piece, target)
        except OSError:
            near.close()
            far.close()

    def _hand_over(self, piece: bytes, target: ssl.SSLSocket) -> None:
        self.heard += piece
        if self.keeps_back and b"SCRAM-SHA-256-PLUS" in piece and piece.startswith(b"R"):
            piece = without_binding(piece)
        target.setblocking(True)
        target.sendall(piece)
        target.setblocking(False)


def read(source: ssl.SSLSocket) -> bytes:
    """What has come; nothing if nothing has. OSError at the end."""
    try:
        piece = source.recv(65536)
    except ssl.SSLWantReadError:
        return b""
    if not piece:
        raise ConnectionError("closed")
    return piece


def without_binding(offer: bytes) -> bytes:
    """AuthenticationSASL with one mechanism less."""
    body = offer[5:].replace(b"SCRAM-SHA-256-PLUS\0", b"")
    return b"R" + struct.pack("!i", len(body) + 4) + body
