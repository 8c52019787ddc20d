"""A Hugging Face Hub on the loopback: the HTTP routes that its client uses to push and pull model repositories.

Content-addressed blobs, linear commits, tags, LFS uploads, and the error codes by which the client knows a missing
repository from a missing revision or file.
"""

import base64
import hashlib
import json
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse

LFS_SUFFIX = ".safetensors"
EPOCH = "2026-01-01T00:00:00.000Z"


@dataclass(frozen=True)
class StoredFile:
    """A file of a commit: the key of its bytes, the git object id or, for LFS, the SHA-256."""

    blob: str
    lfs: bool


@dataclass
class Repository:
    """Commits by id, and the branches and tags that point at them."""

    private: bool = False
    commits: dict[str, dict[str, StoredFile]] = field(default_factory=dict)
    refs: dict[str, str] = field(default_factory=dict)

    def commit(self, files: dict[str, StoredFile]) -> str:
        """Append a commit to main; returns its id."""
        oid = hashlib.sha1(f"{len(self.commits)} {sorted(files.items())}".encode()).hexdigest()
        self.commits[oid] = files
        self.refs["main"] = oid
        return oid


class HubError(Exception):
    """An answer that the client turns into one of its own exceptions."""

    def __init__(self, status: int, code: str, message: str, headers: dict[str, str] | None = None):
        self.status, self.message = status, message
        self.headers = {"X-Error-Code": code, "X-Error-Message": message} | (headers or {})


@dataclass
class Hub:
    """What the server stores; tests look into it and tamper with it."""

    url: str
    tokens: dict[str, str]
    down_at: str | None = None  # the first request whose path holds this, and all that follow, are answered by 503
    cut_at: str | None = None  # the line is cut in the middle of the file whose path ends so, and the Hub is down then
    blobs: dict[str, bytes] = field(default_factory=dict, repr=False)
    repositories: dict[str, Repository] = field(default_factory=dict)
    requests: list[tuple[str, str]] = field(default_factory=list, repr=False)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def user(self, request: Request) -> str:
        """Return who a request's token belongs to."""
        user = self.tokens.get(request.headers.get("authorization", "").removeprefix("Bearer "))
        if user is None:
            raise HubError(401, "InvalidCredentials", "Invalid credentials in Authorization header")
        return user

    def writer(self, request: Request, owner: str) -> None:
        """Refuse who may not write to an owner's repositories."""
        if self.user(request) != owner:
            raise HubError(403, "Forbidden", f"You have no right to write to repositories of {owner}")

    def repository(self, repo: str) -> Repository:
        """Return a repository."""
        if repo not in self.repositories:
            raise HubError(404, "RepoNotFound", "Repository not found")
        return self.repositories[repo]

    def revision(self, repo: str, revision: str) -> tuple[str, dict[str, StoredFile]]:
        """Return the id and the files of a branch, a tag or a commit."""
        repository = self.repository(repo)
        oid = repository.refs.get(revision, revision)
        if oid not in repository.commits:
            raise HubError(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        return oid, repository.commits[oid]

    def store(self, data: bytes) -> StoredFile:
        """Keep the bytes of a file that is not LFS."""
        oid = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
        self.blobs[oid] = data
        return StoredFile(oid, lfs=False)

    def tamper(self, repo: str, path: str, data: bytes) -> None:
        """Serve other bytes under a file's name and hash."""
        _, files = self.revision(repo, "main")
        self.blobs[files[path].blob] = data


async def broken_off(data: bytes) -> AsyncIterator[bytes]:
    """Yield half of a file, then break the connection off."""
    yield data[: len(data) // 2]
    raise ConnectionAbortedError


def build_app(hub: Hub) -> FastAPI:
    """Return the application that serves a Hub."""
    app = FastAPI()

    @app.exception_handler(HubError)
    async def refuse(request: Request, error: HubError) -> Response:
        return JSONResponse({"error": error.message}, error.status, headers=error.headers)

    @app.middleware("http")
    async def record(request: Request, call_next):
        hub.requests.append((request.method, request.url.path))
        if hub.down_at is not None and hub.down_at in request.url.path:
            hub.down_at = ""
            return JSONResponse({"error": "Service Unavailable"}, 503)
        return await call_next(request)

    # ---- accounts and repositories

    @app.get("/api/whoami-v2")
    def whoami(request: Request):
        return {"type": "user", "name": hub.user(request), "orgs": [], "auth": {"type": "access_token"}}

    @app.post("/api/repos/create")
    async def create(request: Request):
        body, user = await request.json(), hub.user(request)
        owner = body.get("organization") or user
        if owner != user:
            raise HubError(403, "Forbidden", f"You have no right to create a repository of {owner}")
        repo = f"{owner}/{body['name']}"
        if repo in hub.repositories:
            return JSONResponse({"error": "You already created this repo", "url": f"{hub.url}/{repo}"}, 409)
        hub.repositories[repo] = Repository(body.get("visibility") == "private" or bool(body.get("private")))
        hub.repositories[repo].commit({})
        return {"url": f"{hub.url}/{repo}", "name": repo, "id": "0"}

    @app.post("/api/validate-yaml")
    def validate_yaml():
        return {"errors": [], "warnings": []}

    @app.get("/api/models/{owner}/{name}/auth-check/write")
    def auth_check(owner: str, name: str, request: Request):
        hub.repository(f"{owner}/{name}")
        hub.writer(request, owner)

    # ---- upload

    @app.post("/api/models/{owner}/{name}/preupload/{revision}")
    async def preupload(owner: str, name: str, revision: str, request: Request):
        hub.writer(request, owner)
        oid, files = hub.revision(f"{owner}/{name}", revision)
        answers = []
        for file in (await request.json())["files"]:
            mode = "lfs" if file["path"].endswith(LFS_SUFFIX) else "regular"
            known = files[file["path"]].blob if file["path"] in files else None
            answers.append({"path": file["path"], "uploadMode": mode, "shouldIgnore": False, "oid": known})
        return {"files": answers, "commitOid": oid}

    @app.post("/{owner}/{name}.git/info/lfs/objects/batch")
    async def lfs_batch(owner: str, name: str, request: Request):
        hub.writer(request, owner)
        objects = []
        for wanted in (await request.json())["objects"]:
            links = {verb: {"href": f"{hub.url}/lfs/{verb}/{wanted['oid']}"} for verb in ("upload", "verify")}
            objects.append(wanted | ({} if wanted["oid"] in hub.blobs else {"actions": links}))
        return {"transfer": "basic", "objects": objects}

    @app.put("/lfs/upload/{oid}")
    async def lfs_upload(oid: str, request: Request):
        data = await request.body()
        if hashlib.sha256(data).hexdigest() != oid:
            raise HubError(400, "BadRequest", "The upload does not have the announced SHA-256")
        hub.blobs[oid] = data

    @app.post("/lfs/verify/{oid}")
    def lfs_verify(oid: str):
        return Response(status_code=200 if oid in hub.blobs else 404)

    @app.post("/api/models/{owner}/{name}/commit/{revision}")
    async def commit(owner: str, name: str, revision: str, request: Request):
        hub.writer(request, owner)
        header, *operations = [json.loads(line) for line in (await request.body()).splitlines() if line]
        with hub.lock:
            parent, files = hub.revision(f"{owner}/{name}", revision)
            if header["value"].get("parentCommit") not in (None, parent):
                raise HubError(412, "PreconditionFailed", "A commit has happened since. Please refresh and try again.")
            files = dict(files)
            for operation in operations:
                value = operation["value"]
                match operation["key"]:
                    case "file":
                        files[value["path"]] = hub.store(base64.b64decode(value["content"]))
                    case "lfsFile":
                        files[value["path"]] = StoredFile(value["oid"], lfs=True)
            oid = hub.repository(f"{owner}/{name}").commit(files)
        return {"success": True, "commitUrl": f"{hub.url}/{owner}/{name}/commit/{oid}", "commitOid": oid}

    @app.post("/api/models/{owner}/{name}/tag/{revision}")
    async def tag(owner: str, name: str, revision: str, request: Request):
        hub.writer(request, owner)
        repo, body = f"{owner}/{name}", await request.json()
        hub.repository(repo).refs[body["tag"]] = hub.revision(repo, revision)[0]

    @app.get("/api/models/{owner}/{name}/refs")
    def refs(owner: str, name: str):
        named = hub.repository(f"{owner}/{name}").refs
        branches = [{"name": "main", "ref": "refs/heads/main", "targetCommit": named["main"]}]
        tags = [
            {"name": name, "ref": f"refs/tags/{name}", "targetCommit": oid}
            for name, oid in named.items()
            if name != "main"
        ]
        return {"branches": branches, "converts": [], "tags": tags, "pullRequests": []}

    # ---- download

    @app.get("/api/models/{owner}/{name}")
    @app.get("/api/models/{owner}/{name}/revision/{revision:path}")
    def info(owner: str, name: str, revision: str = "main"):
        repo = f"{owner}/{name}"
        oid, files = hub.revision(repo, revision)
        siblings = [{"rfilename": path} for path in sorted(files)]
        return {
            "_id": "0",
            "id": repo,
            "modelId": repo,
            "sha": oid,
            "private": hub.repository(repo).private,
            "siblings": siblings,
            "tags": [],
            "createdAt": EPOCH,
        }

    @app.get("/api/models/{owner}/{name}/tree/{revision}")
    def tree(owner: str, name: str, revision: str):
        _, files = hub.revision(f"{owner}/{name}", revision)
        entries = []
        for path, file in sorted(files.items()):
            size = len(hub.blobs[file.blob])
            entry = {"type": "file", "path": path, "size": size, "oid": file.blob}
            entries.append(entry | ({"lfs": {"oid": file.blob, "size": size, "pointerSize": 130}} if file.lfs else {}))
        return entries

    @app.api_route("/{owner}/{name}/resolve/{revision}/{path:path}", methods=["GET", "HEAD"])
    def download(owner: str, name: str, revision: str, path: str, request: Request):
        oid, files = hub.revision(f"{owner}/{name}", revision)
        if path not in files:
            raise HubError(404, "EntryNotFound", "Entry not found", {"X-Repo-Commit": oid})
        file = files[path]
        data = hub.blobs[file.blob]
        headers = {"X-Repo-Commit": oid, "ETag": f'"{file.blob}"', "Content-Length": str(len(data))}
        if file.lfs:
            headers |= {"X-Linked-Etag": f'"{file.blob}"', "X-Linked-Size": str(len(data))}
        if request.method == "GET" and hub.cut_at is not None and path.endswith(hub.cut_at):
            hub.down_at = ""
            return StreamingResponse(broken_off(data), 200, headers, "application/octet-stream")
        return Response(b"" if request.method == "HEAD" else data, 200, headers, "application/octet-stream")

    return app
