/** For server tests: a connection that is there and carries nothing any more. */

/** A proxy in front of a server. */
export interface HangingProxy {
  /** The server's URL, by way of the proxy. */
  url: string;
  /** Bytes of connections that are open now, and of new ones, stay where they are. */
  hang(): void;
  /** New connections work again; those that hung are dead. */
  resume(): void;
}

/**
 * Runs a test with a proxy in front of a server, and closes it whatever comes of it.
 *
 * @param url The server.
 * @param test What to do with the proxy.
 */
export async function withHangingProxy<Result>(
  url: string,
  test: (proxy: HangingProxy) => Promise<Result>,
): Promise<Result> {
  const target = new URL(url);
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const open = new Set<Deno.TcpConn>();
  let generation = 0;
  let hangs = false;

  async function carry(from: Deno.TcpConn, to: Deno.TcpConn, born: number): Promise<void> {
    const buffer = new Uint8Array(65_536);
    try {
      for (;;) {
        const length = await from.read(buffer);
        if (hangs || born !== generation) return;
        if (length === null) break;
        for (let at = 0; at < length;) at += await to.write(buffer.subarray(at, length));
      }
      await to.closeWrite();
    } catch {
      // Either side has gone away, which ends this connection and nothing else.
    }
  }

  const accepting = (async () => {
    for await (const client of listener) {
      const server = await Deno.connect({ hostname: target.hostname, port: Number(target.port) });
      open.add(client).add(server);
      void carry(client, server, generation);
      void carry(server, client, generation);
    }
  })();

  const proxied = new URL(url);
  proxied.port = String(listener.addr.port);
  try {
    return await test({
      url: proxied.href,
      hang() {
        hangs = true;
        generation++;
      },
      resume() {
        hangs = false;
      },
    });
  } finally {
    listener.close();
    await accepting;
    for (const connection of open) {
      try {
        connection.close();
      } catch {
        // It was closed from the other side.
      }
    }
  }
}
