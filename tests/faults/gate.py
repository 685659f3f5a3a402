"""How far an encoding goes before a fault strikes: a model that lets so many requests pass and holds the next."""

from threading import Event, Lock


class Gate:
    """What an embeddings server does with each request for texts of documents; a probe always passes."""

    def __init__(self, server, documents):
        self._server, self._documents = server, set(documents)
        self._lock = Lock()
        self._reached, self._opened = Event(), Event()
        self._pass, self.asked = 0, 0
        self.open()
        server.always = self

    def close_after(self, requests):
        """Let so many requests pass, and hold those after them."""
        self._reached, self._opened = Event(), Event()
        self._pass, self.asked = requests, 0

    def open(self):
        """Let all pass."""
        self._opened.set()

    @property
    def struck(self):
        """Whether a request is held."""
        return self._reached.is_set()

    def __call__(self, exchange):
        if self._documents.intersection(exchange.body["input"]):
            with self._lock:
                self.asked += 1
                held = self.asked > self._pass
            if held:
                opened = self._opened
                self._reached.set()
                opened.wait(300)
        exchange.send(200, exchange.good())
