/** For tests: a local WebSocket server that plays a feed, cuts the line, and sends garbage. */

/** A feed's server. */
export interface FeedServer {
  url: string;
  /** What clients have sent, by connection. */
  heard: string[][];
  /** Query strings of the connections. */
  queries: string[];
  /** Sends to the latest connection. */
  send(frame: string | Uint8Array): void;
  /** Closes the latest connection. */
  cut(): void;
  /** Resolves when there have been so many connections, each with so many messages. */
  connected(connections: number, messages?: number): Promise<void>;
}

/**
 * Runs a test with a feed's server.
 *
 * @param test What to do with it.
 */
export async function withFeedServer(test: (server: FeedServer) => Promise<void>): Promise<void> {
  const sockets: WebSocket[] = [];
  const heard: string[][] = [];
  const queries: string[] = [];
  let changed = Promise.withResolvers<void>();
  const change = (): void => {
    changed.resolve();
    changed = Promise.withResolvers();
  };
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    if (request.headers.get("upgrade") !== "websocket") return new Response(null, { status: 400 });
    const { socket, response } = Deno.upgradeWebSocket(request);
    const messages: string[] = [];
    queries.push(new URL(request.url).search);
    socket.onopen = () => {
      sockets.push(socket);
      heard.push(messages);
      change();
    };
    socket.onmessage = ({ data }) => {
      messages.push(String(data));
      change();
    };
    // A client that goes away without a word is part of the play.
    socket.onerror = () => {};
    return response;
  });
  const latest = (): WebSocket => sockets.at(-1)!;
  try {
    await test({
      url: `ws://127.0.0.1:${server.addr.port}`,
      heard,
      queries,
      send: (frame) => latest().send(frame as string),
      cut: () => latest().close(1011),
      async connected(connections, messages = 0) {
        while (
          sockets.length < connections || (heard[connections - 1]?.length ?? 0) < messages
        ) await changed.promise;
      },
    });
  } finally {
    for (const socket of sockets) if (socket.readyState === WebSocket.OPEN) socket.close();
    await server.shutdown();
  }
}
