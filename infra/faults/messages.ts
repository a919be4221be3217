/** Carries a protocol's messages between a client and a server, whole, and lets each be judged. */
import { LOOPBACK } from "../local/free_port.ts";

/** What becomes of a message: passed on, dropped in silence, or dropped with its connection cut. */
export type Fate = "pass" | "swallow" | "cut";

/** Decides over one message; may wait, which holds back what follows. */
export type Judge = (message: Uint8Array) => Promise<Fate>;

/** How one protocol is carried. */
export interface CarryOptions {
  /** The port to listen on; absent: a free one. */
  port?: number;
  /** The server's port on this machine, asked for at each connection. */
  upstreamPort(): number;
  /** Judges for a new connection. */
  judges(connection: number): { request: Judge; reply: Judge; ended?: () => void };
  /**
   * The size of the message that what is held begins with, its head included; null while that can't
   * be told.
   *
   * @param count How many messages of this direction came before it.
   */
  requestSize(held: Uint8Array, count: number): number | null;
  replySize(held: Uint8Array, count: number): number | null;
}

/** A running proxy. */
export interface MessageProxy {
  port: number;
  /** Cuts every connection. */
  cutAll(): void;
  close(): void;
}

const MESSAGE_BYTES_MAX = 128 * 1024 * 1024;

/** Listens, and carries each connection. */
export function carryMessages(options: CarryOptions): MessageProxy {
  const listener = Deno.listen({ hostname: LOOPBACK, port: options.port ?? 0 });
  const open = new Map<number, () => void>();
  let connections = 0;
  let is_closed = false;
  accept();
  return {
    port: listener.addr.port,
    cutAll,
    close() {
      is_closed = true;
      listener.close();
      cutAll();
    },
  };

  function cutAll(): void {
    for (const cut of open.values()) cut();
  }

  async function accept(): Promise<void> {
    for (;;) {
      try {
        void serve(await listener.accept(), connections++);
      } catch (error) {
        if (is_closed) return;
        // A client that was reset while it waited to be let in: the others are to be.
        const { NotConnected, ConnectionReset } = Deno.errors;
        if (!(error instanceof NotConnected || error instanceof ConnectionReset)) throw error;
      }
    }
  }

  async function serve(client: Deno.TcpConn, connection: number): Promise<void> {
    let server: Deno.TcpConn;
    try {
      server = await Deno.connect({ hostname: LOOPBACK, port: options.upstreamPort() });
    } catch {
      // The server is away: so is the proxy, as its client sees it.
      return closeOnce(client);
    }
    const { request, reply, ended } = options.judges(connection);
    open.set(connection, () => {
      for (const side of [client, server]) closeOnce(side);
    });
    try {
      client.setNoDelay();
      server.setNoDelay();
      await Promise.race([
        pump(client, server, request, options.requestSize),
        pump(server, client, reply, options.replySize),
      ]);
    } catch {
      // Either side has gone, which ends this connection and nothing else.
    }
    open.get(connection)?.();
    open.delete(connection);
    ended?.();
  }
}

function closeOnce(connection: Deno.TcpConn): void {
  try {
    connection.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error;
  }
}

/** Passes messages on, one by one, until an end or a cut. */
async function pump(
  from: Deno.TcpConn,
  to: Deno.TcpConn,
  judge: Judge,
  sizeOf: (held: Uint8Array, count: number) => number | null,
): Promise<void> {
  // What is held lies from `start` to `end`; room is made by doubling, as messages may be large.
  let buffer = new Uint8Array(65_536);
  let start = 0;
  let end = 0;
  let count = 0;
  for (;;) {
    if (end === buffer.length) {
      const held = buffer.subarray(start, end);
      if (held.length > buffer.length / 2) buffer = new Uint8Array(2 * buffer.length);
      buffer.set(held);
      [start, end] = [0, held.length];
    }
    const read = await from.read(buffer.subarray(end));
    if (read === null) return;
    end += read;
    while (start < end) {
      const size = sizeOf(buffer.subarray(start, end), count);
      if (size !== null && size > MESSAGE_BYTES_MAX) throw new Error(`A message of ${size} bytes`);
      if (size === null || end - start < size) break;
      const message = buffer.subarray(start, start + size);
      const fate = await judge(message);
      if (fate === "cut") return;
      for (let written = fate === "pass" ? 0 : size; written < size;) {
        written += await to.write(message.subarray(written));
      }
      start += size;
      count++;
    }
    if (start === end) [start, end] = [0, 0];
  }
}
