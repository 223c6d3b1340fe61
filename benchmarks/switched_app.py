"""An app that takes 20 ms for an answer: `python -m benchmarks.switched_app NAME`.

It says on which port it listens. Nothing but the standard library is loaded, so that starting
hundreds of them says nothing of Python.
"""

import asyncio
import sys

HANDLER_S = 0.02


async def run_instance(name: str) -> None:
    """Serves an app that ends at once at SIGTERM, as one that has nothing to do does."""
    answer = name.encode()
    told = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(answer), answer)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                if b"content-length:" in head:
                    length = head.split(b"content-length:")[1].split(b"\r\n")[0]
                    await reader.readexactly(int(length))
                await asyncio.sleep(HANDLER_S)
                writer.write(told)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(run_instance(sys.argv[1]))
