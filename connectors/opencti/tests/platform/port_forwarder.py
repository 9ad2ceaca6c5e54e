"""A port in front of another one, which can be closed: how a broker goes away without hurting anybody else's."""

import contextlib
import select
import socket
import threading


class PortForwarder:
    """Forwards connections from a port of its own."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Nobody is there any more."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for one in self._open:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(self._target)
            self._open += [client, server]
            threading.Thread(
                target=self._carry, args=(client, server), daemon=True
            ).start()

    @staticmethod
    def _carry(client: socket.socket, server: socket.socket) -> None:
        pairs = {client: server, server: client}
        with contextlib.suppress(OSError, ValueError):
            while True:
                for one in select.select(list(pairs), [], [])[0]:
                    data = one.recv(1 << 16)
                    if not data:
                        return
                    pairs[one].sendall(data)
