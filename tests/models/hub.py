"""A hub for tests: an HTTP server on 127.0.0.1 that answers as Hugging Face's, with files of the test."""

import hashlib
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import huggingface_hub.constants
import pytest

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Hub:
    """`files` are served as `<repository>/<name>`; `damaged` ones with another content than announced."""

    endpoint: str
    files: dict[str, bytes] = field(default_factory=dict)
    damaged: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)

    def publish(self, repository: str, file: Path) -> None:
        """Serve a file's content as that of a repository."""
        self.files[f"{repository}/{file.name}"] = file.read_bytes()


@contextmanager
def serve() -> Iterator[Hub]:
    """A hub that runs while the context lasts."""

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.answer(with_body=False)

        def do_GET(self) -> None:
            self.answer(with_body=True)

        def answer(self, *, with_body: bool) -> None:
            hub.asked.append(f"{self.command} {self.path}")
            name = re.sub(rf"^/(.+)/resolve/(?:main|{COMMIT})/", r"\1/", self.path)
            content = hub.files.get(name)
            if content is None:
                self.send_response(404)
                self.send_header("X-Error-Code", "EntryNotFound")
                self.send_header("X-Repo-Commit", COMMIT)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.send_response(200)
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if with_body:
                self.wfile.write(content[::-1] if name in hub.damaged else content)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing on the test's stderr."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub = Hub(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def at(endpoint: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Set what the client reads from HF_ENDPOINT and HF_HUB_CACHE when it is imported."""
    client = huggingface_hub.constants
    template = client.HUGGINGFACE_CO_URL_TEMPLATE.replace(client.ENDPOINT, endpoint)
    monkeypatch.setattr(client, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(client, "ENDPOINT", endpoint)
    monkeypatch.setattr(client, "HF_HUB_CACHE", str(folder / "cache"))


def refused() -> str:
    """An address at which nobody answers."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{closed.getsockname()[1]}"
