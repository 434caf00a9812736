"""Visitors: requests at a steady rate, sent by a process of its own, so that it does not wait for what the judge does.

Requests are due at fixed times, whatever becomes of those before. Its own processor time tells whether it or the machine is
the limit where fewer are answered.
"""

import contextlib
import multiprocessing
import random
import socket
import threading
import time

from common import PATIENCE

CLIENTS = 8
# A process of one interpreter that is busy for so much of the time cannot send more.
BUSY = 0.85


def target(number):
    """Some pages often, most seldom, and some that are invented."""
    popular = int(random.paretovariate(1.1)) % 400
    return (f"/note/{popular}", f"/search?words={popular}&page=1", "/report", f"/theme?utm={number}",
            f"/search?words={random.randrange(10**9)}&page=2", f"/hello?x={popular}")[min(int(random.expovariate(.7)), 5)]


def receive(connection):
    """The status of one response, which is read to its end."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += more(connection)
    head, _, body = received.partition(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    left = length - len(body)
    while left > 0:
        left -= len(more(connection))
    return int(head[9:12])


def more(connection):
    read = connection.recv(65536)
    if not read:
        raise ConnectionError("the server has closed the connection")
    return read


class Visits:
    """What the processes share: whether it goes on, how many were answered by each server, and what failed."""

    def __init__(self, ports, rate):
        self.ports, self.rate = ports, rate
        self.ends = multiprocessing.Event()
        self.answered = multiprocessing.Array("Q", len(ports))
        self.failed = multiprocessing.Value("Q", 0)
        self.busy = multiprocessing.Value("d", 0)
        self.seconds = 0

    def run(self):
        begun, used = time.monotonic(), time.process_time()
        threads = [threading.Thread(target=self.client, args=(begun, number)) for number in range(CLIENTS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.busy.value = (time.process_time() - used) / (time.monotonic() - begun)

    def client(self, begun, client):
        """One client, with a connection to one of the servers."""
        at = client % len(self.ports)
        address, number = ("127.0.0.1", self.ports[at]), client
        connection = socket.create_connection(address, PATIENCE)
        while not self.ends.is_set():
            time.sleep(max(0, begun + number / self.rate - time.monotonic()))
            request = f"GET {target(number)} HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\n\r\n"
            try:
                connection.sendall(request.encode())
                is_well = receive(connection) == 200
            except (OSError, ValueError, IndexError):
                is_well, connection = False, socket.create_connection(address, PATIENCE)
            with self.answered.get_lock():
                self.answered[at] += is_well
                self.failed.value += not is_well
            number += CLIENTS

    def tell(self):
        """The figures; it fails if requests failed, or if fewer were answered than wanted because this process was busy."""
        reached = sum(self.answered) / self.seconds
        told = f"{reached:,.0f} of {self.rate:,} requests a second answered for {self.seconds:.0f} s by {len(self.ports)} processes; " \
               f"the visitors used {self.busy.value:.0%} of a processor"
        assert not self.failed.value, f"{self.failed.value} requests failed; {told}"
        is_reached = reached >= 0.98 * self.rate
        assert is_reached or self.busy.value < BUSY, f"the visitors are too slow: {told}"
        return told if is_reached else f"{told}: the machine is the limit"


@contextlib.contextmanager
def visiting(ports, rate=1_000):
    """Visitors of all these servers together, until the block ends."""
    visits = Visits(ports, rate)
    process = multiprocessing.Process(target=visits.run)
    begun = time.monotonic()
    process.start()
    try:
        yield visits
    finally:
        visits.ends.set()
        visits.seconds = time.monotonic() - begun
        process.join(2 * PATIENCE)
