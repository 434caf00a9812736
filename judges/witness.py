"""A relay in front of the application that writes down what is asked of it, and what it answers."""

import contextlib
import re
import socket
import threading

REQUEST = re.compile(rb"(?:^|\n)([A-Z]+) (/[^ ]*) HTTP/1\.1\r\n")
STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")


class Witness:
    """Listens on `port` and passes bytes to `origin` and back. Nothing that it relays has a body like a request line."""

    def __init__(self, origin):
        self.origin, self.requests, self.statuses = origin, [], []
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def count(self, target):
        """How often `target` was asked of the origin."""
        return sum(asked == target for _, asked in self.requests)

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                try:
                    server = socket.create_connection(("127.0.0.1", self.origin))
                except OSError:
                    client.close()  # as an origin that is gone
                    continue
                for pair in ((client, server, self.asked), (server, client, self.answered)):
                    threading.Thread(target=self.pump, args=pair, daemon=True).start()

    def pump(self, source, sink, notes):
        with contextlib.suppress(OSError):
            while data := source.recv(65_536):
                notes(data)
                sink.sendall(data)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def asked(self, data):
        self.requests += [(m.decode(), t.decode()) for m, t in REQUEST.findall(data)]

    def answered(self, data):
        self.statuses += [int(status) for status in STATUS.findall(data)]

    def close(self):
        self.listener.close()
