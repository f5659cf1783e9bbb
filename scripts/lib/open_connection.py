"""An open connection to a PostgreSQL without authentication, to measure the cost of SQL without a client."""

import os
import socket
import struct
import time


class OpenConnection:
    """Speaks just enough of the protocol (https://www.postgresql.org/docs/current/protocol-flow.html) to send queries."""

    def __init__(self):
        host, port = os.environ["PGHOST"], os.environ["PGPORT"]
        if host.startswith("/"):
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.connect(f"{host}/.s.PGSQL.{port}")
        else:
            self.socket = socket.create_connection((host, int(port)))
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.stream = self.socket.makefile("rb")
        startup = f"user\0{os.environ['PGUSER']}\0database\0{os.environ['PGDATABASE']}\0client_encoding\0UTF8\0\0"
        self.socket.sendall(struct.pack("!ii", len(startup) + 8, 196608) + startup.encode())
        self._until_ready()

    def milliseconds(self, sql):
        """Sends a text as one message; how long it took until the server was ready again. Raises on an SQL error."""
        payload = sql.encode() + b"\0"
        start = time.perf_counter()
        self.socket.sendall(b"Q" + struct.pack("!i", len(payload) + 4) + payload)
        self._until_ready()
        return (time.perf_counter() - start) * 1000

    def _until_ready(self):
        error = None
        while True:
            kind = self.stream.read(1)
            if not kind:
                raise RuntimeError("the server closed the connection")
            body = self.stream.read(struct.unpack("!i", self.stream.read(4))[0] - 4)
            if kind == b"E":
                error = body.decode(errors="replace").replace("\0", " ")
            elif kind == b"R" and struct.unpack("!i", body[:4])[0] != 0:
                raise RuntimeError("the server wants a password")
            elif kind == b"Z":
                if error:
                    raise RuntimeError(error)
                return
