"""A TCP proxy that delays what passes it: `delay_proxy.py TARGET_HOST TARGET_PORT ROUND_TRIP_MS`.

TARGET_HOST may be a directory: the target is then the socket of PostgreSQL in it. Prints the port it listens on
(127.0.0.1), and ends when its standard input closes. Half of the round trip is added to each direction; bandwidth is not limited.
"""

import asyncio
import os
import sys


async def pump(reader, writer, delay):
    """Passes chunks on in order, each `delay` seconds after it arrived."""
    loop = asyncio.get_running_loop()
    queue = asyncio.Queue(maxsize=1024)

    async def deliver():
        while True:
            due, chunk = await queue.get()
            await asyncio.sleep(max(0, due - loop.time()))
            if not chunk:
                break
            writer.write(chunk)
            await writer.drain()
        writer.close()

    delivery = asyncio.create_task(deliver())
    try:
        while chunk := await reader.read(65536):
            await queue.put((loop.time() + delay, chunk))
    except ConnectionError:
        pass
    await queue.put((loop.time() + delay, b""))
    await asyncio.gather(delivery, return_exceptions=True)


async def main():
    host, port, delay = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]) / 2000

    async def accept(reader, writer):
        if host.startswith("/"):
            back_reader, back_writer = await asyncio.open_unix_connection(f"{host}/.s.PGSQL.{port}")
        else:
            back_reader, back_writer = await asyncio.open_connection(host, port)
        await asyncio.gather(pump(reader, back_writer, delay), pump(back_reader, writer, delay))

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    # Connections still open die with the process, and say nothing about it.
    server.close()
    os._exit(0)


asyncio.run(main())
