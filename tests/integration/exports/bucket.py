"""A store that speaks as much of S3 as an export asks for, on a loopback port."""

import hashlib
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

from aiohttp import web

ACCESS_KEY, SECRET_KEY = "export-key", "export-secret"


class FakeS3:
    """Objects by bucket and key; a part of an upload is no object before the upload is complete."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.uploads: dict[str, dict[int, bytes]] = {}
        self.parts = 0
        self.url = ""

    async def answer(self, request: web.Request) -> web.Response:
        signed = request.headers.get("Authorization", "")
        if f"AWS4-HMAC-SHA256 Credential={ACCESS_KEY}/" not in signed:
            return web.Response(status=403, text="<Error><Code>AccessDenied</Code></Error>")
        key, body = request.path.lstrip("/"), await request.read()
        if request.method == "PUT":
            return self._put(request, key, body)
        if request.method == "POST":
            return self._post(request, key, body)
        if request.method == "DELETE":
            self.objects.pop(key, None)
            return web.Response(status=204)
        if key not in self.objects:
            return web.Response(status=404, text="<Error><Code>NoSuchKey</Code></Error>")
        headers = {"ETag": '"x"', "Last-Modified": "Mon, 01 Jun 2026 00:00:00 GMT"}
        return web.Response(body=self.objects[key], headers=headers)

    def _put(self, request: web.Request, key: str, body: bytes) -> web.Response:
        tag = {"ETag": f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'}
        upload = request.query.get("uploadId")
        if upload is None:
            self.objects[key] = body
        else:
            self.uploads[upload][int(request.query["partNumber"])] = body
            self.parts += 1
        return web.Response(headers=tag)

    def _post(self, request: web.Request, key: str, body: bytes) -> web.Response:
        if "delete" in request.query:
            keys = re.findall(r"<Key>([^<]*)</Key>", body.decode())
            for name in keys:
                self.objects.pop(f"{key}/{name}", None)
            told = "".join(f"<Deleted><Key>{name}</Key></Deleted>" for name in keys)
            return _xml(f"<DeleteResult>{told}</DeleteResult>")
        upload = request.query.get("uploadId")
        if upload is None:
            upload = uuid4().hex
            self.uploads[upload] = {}
            name = "InitiateMultipartUploadResult"
            return _xml(f"<{name}><UploadId>{upload}</UploadId></{name}>")
        parts = self.uploads.pop(upload)
        self.objects[key] = b"".join(parts[number] for number in sorted(parts))
        name = "CompleteMultipartUploadResult"
        return _xml(f"<{name}><ETag>x</ETag></{name}>")


def _xml(text: str) -> web.Response:
    return web.Response(text=text, content_type="application/xml")


@asynccontextmanager
async def fake_s3() -> AsyncIterator[FakeS3]:
    """Serves one while it is needed."""
    store = FakeS3()
    app = web.Application(client_max_size=1 << 30)
    app.router.add_route("*", "/{key:.*}", store.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    store.url = f"http://{host}:{port}"
    try:
        yield store
    finally:
        await runner.cleanup()
