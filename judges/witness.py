"""A relay in front of the application that writes down what is asked of it, and what it answers."""

import contextlib
import re
import socket
import threading

REQUEST = re.compile(rb"(?:^|\n)[A-Z]+ (/[^ ]*) HTTP/1\.1\r\n")
STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")


class Witness:
    """Listens on `port` and passes bytes to `origin` and back. No body that it relays looks like the head of a message."""

    def __init__(self, origin):
        self.origin = origin
        # Each request, in the order sent: its target, and the status of its response as soon as there is one.
        self.exchanges = []
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def count(self, target, status=None):
        """How often `target` was asked of the origin, and answered with `status`."""
        return sum(asked == target and status in (None, answered) for asked, answered in self.exchanges)

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                try:
                    server = socket.create_connection(("127.0.0.1", self.origin))
                except OSError:
                    client.close()  # as an origin that is gone
                    continue
                open_exchanges = []
                for pair in ((client, server, self.asked), (server, client, self.answered)):
                    threading.Thread(target=self.pump, args=(*pair, open_exchanges), daemon=True).start()

    def pump(self, source, sink, note, open_exchanges):
        with contextlib.suppress(OSError):
            while data := source.recv(65_536):
                note(data, open_exchanges)
                sink.sendall(data)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def asked(self, data, open_exchanges):
        for target in REQUEST.findall(data):
            exchange = [target.decode(), None]
            open_exchanges.append(exchange)
            self.exchanges.append(exchange)

    def answered(self, data, open_exchanges):
        for status in STATUS.findall(data):
            open_exchanges.pop(0)[1] = int(status)

    def close(self):
        self.listener.close()
