"""A small hub on loopback: what huggingface_hub needs to list, fetch and upload a model."""

import base64
import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"
BIG = (".safetensors", ".bin")


class HubServer:
    """One repository behind HTTP. Every request is noted as `METHOD path`.

    Uploads need `token`. `visibility` is None as long as the repository was not made by a client.
    """

    def __init__(self, repository: str, files: dict[str, bytes], *, exists: bool = True) -> None:
        self.repository = repository
        self.files = files
        self.exists = exists
        self.token = "hf_loopback"
        self.visibility: str | None = None
        self.messages: list[str] = []
        self.blobs: dict[str, bytes] = {}
        self.licence: str | None = "apache-2.0"
        self.requests: list[str] = []
        self.refusal: tuple[int, str] | None = None
        self.declared_sizes: dict[str, int] = {}
        self.broken: set[str] = set()
        self.cut_once: set[str] = set()
        self.stalled: set[str] = set()
        self.stall_reached = threading.Event()
        self.stall_over = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def fetched(self) -> list[str]:
        """Names of the files whose contents were requested."""
        return [line.split(f"/{COMMIT}/", 1)[1] for line in self.requests if "GET /org" in line]

    def close(self) -> None:
        self.stall_over.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def size(self, name: str) -> int:
        return self.declared_sizes.get(name, len(self.files[name]))

    def etag(self, name: str) -> str:
        if name.endswith(BIG):
            return hashlib.sha256(self.files[name]).hexdigest()
        return hashlib.sha1(self.files[name]).hexdigest()

    def info(self) -> dict[str, object]:
        return {
            "id": self.repository,
            "modelId": self.repository,
            "sha": COMMIT,
            "private": False,
            "tags": [],
            "downloads": 0,
            "likes": 0,
            "cardData": {"license": self.licence} if self.licence else None,
            "siblings": [
                {"rfilename": name, "size": self.size(name), "blobId": self.etag(name)}
                for name in self.files
            ],
        }

    def tree(self) -> list[dict[str, object]]:
        return [
            {"type": "file", "path": name, "size": self.size(name), "oid": self.etag(name)}
            for name in self.files
        ]

    def commit(self, lines: list[dict[str, dict[str, str]]]) -> None:
        """Takes the lines of a commit: its header, files in them, and files uploaded before."""
        for line in lines:
            value = line["value"]
            if line["key"] == "header":
                self.messages.append(value["summary"])
            elif line["key"] == "file":
                self.files[value["path"]] = base64.b64decode(value["content"])
            else:
                self.files[value["path"]] = self.blobs[value["oid"]]


def contents(folder: Path) -> dict[str, bytes]:
    """Names and bytes of the files that a pull brought."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "pulled.json"
    }


def _handler(hub: HubServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:
            """Keeps the test's output clean."""

        def do_HEAD(self) -> None:
            self._answer(body=False)

        def do_GET(self) -> None:
            self._answer(body=True)

        def do_PUT(self) -> None:
            self._note()
            content = self._body()
            hub.blobs[hashlib.sha256(content).hexdigest()] = content
            self._json({})

        def do_POST(self) -> None:
            path = self._note()
            content = self._body()
            api = f"/api/models/{hub.repository}"
            if self.headers.get("Authorization") != f"Bearer {hub.token}":
                self._refuse(401, "")
            elif path == "/api/validate-yaml":
                self._json({"errors": [], "warnings": []})
            elif path == "/api/repos/create":
                hub.exists, hub.visibility = True, json.loads(content)["visibility"]
                self._json({"url": f"{hub.endpoint}/{hub.repository}"})
            elif path == f"{api}/preupload/main":
                self._json({"files": [self._mode(file) for file in json.loads(content)["files"]]})
            elif path == f"/{hub.repository}.git/info/lfs/objects/batch":
                objects = json.loads(content)["objects"]
                self._json({"transfer": "basic", "objects": [self._place(one) for one in objects]})
            elif path == f"{api}/commit/main":
                hub.commit([json.loads(line) for line in content.splitlines()])
                url = f"{hub.endpoint}/{hub.repository}/commit/{COMMIT}"
                self._json({"success": True, "commitOid": COMMIT, "commitUrl": url})
            else:
                self._refuse(404, "RepoNotFound")

        def _body(self) -> bytes:
            if "Content-Length" in self.headers:
                return self.rfile.read(int(self.headers["Content-Length"]))
            chunks = []
            while size := int(self.rfile.readline(), 16):
                chunks.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(chunks)

        def _mode(self, file: dict[str, str]) -> dict[str, object]:
            mode = "lfs" if file["path"].endswith(BIG) else "regular"
            return {"path": file["path"], "uploadMode": mode, "shouldIgnore": False}

        def _place(self, one: dict[str, object]) -> dict[str, object]:
            return one | {"actions": {"upload": {"href": f"{hub.endpoint}/blobs/{one['oid']}"}}}

        def _note(self) -> str:
            path = unquote(urlsplit(self.path).path)
            hub.requests.append(f"{self.command} {path}")
            return path

        def _answer(self, *, body: bool) -> None:
            path = self._note()
            api = f"/api/models/{hub.repository}"
            branch = f"/{hub.repository}/resolve/main/"
            resolve = branch if path.startswith(branch) else branch.replace("/main/", f"/{COMMIT}/")
            if hub.refusal is not None:
                self._refuse(*hub.refusal)
            elif not hub.exists:
                self._refuse(404, "RepoNotFound")
            elif path in (api, f"{api}/revision/main", f"{api}/revision/v1"):
                self._json(hub.info())
            elif path == f"{api}/tree/{COMMIT}":
                self._json(hub.tree())
            elif path.startswith(resolve) and path.removeprefix(resolve) in hub.files:
                self._file(path.removeprefix(resolve), body=body)
            else:
                self._refuse(404, "RevisionNotFound" if "/revision/" in path else "RepoNotFound")

        def _json(self, value: object) -> None:
            data = json.dumps(value).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def _refuse(self, status: int, code: str) -> None:
            self.send_response(status)
            self.send_header("X-Error-Code", code)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def _file(self, name: str, *, body: bool) -> None:
            if body and name in hub.broken:
                self._refuse(500, "")
                return
            content = hub.files[name]
            start = int(self.headers.get("Range", "bytes=0-")[6:].split("-")[0])
            self.send_response(206 if "Range" in self.headers else 200)
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("ETag", f'"{hub.etag(name)}"')
            self.send_header("Accept-Ranges", "bytes")
            if "Range" in self.headers:
                self.send_header(
                    "Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}"
                )
            self.send_header("Content-Length", str(len(content) - start))
            self.end_headers()
            if not body:
                return
            half = start + (len(content) - start) // 2
            self.wfile.write(content[start:half])
            if name in hub.cut_once:
                hub.cut_once.remove(name)
                self.close_connection = True
                return
            if name in hub.stalled:
                self.wfile.flush()
                hub.stall_reached.set()
                hub.stall_over.wait(30)
                self.close_connection = True
                return
            self.wfile.write(content[half:])

    return Handler
