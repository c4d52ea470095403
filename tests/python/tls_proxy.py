"""A TLS proxy for a local plain server: `tls_proxy.py PORT CERTIFICATE KEY TARGET_PORT`."""

import asyncio
import ssl
import sys

port, certificate, key, target = sys.argv[1:]


async def copy(reader, writer):
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


async def serve(reader, writer):
    try:
        plain_reader, plain_writer = await asyncio.open_connection("127.0.0.1", int(target))
        await asyncio.gather(copy(reader, plain_writer), copy(plain_reader, writer))
    except OSError:
        writer.close()


async def main():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = await asyncio.start_server(serve, "127.0.0.1", int(port), ssl=context)
    await server.serve_forever()


asyncio.run(main())
