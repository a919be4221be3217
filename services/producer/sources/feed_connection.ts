/** A WebSocket feed's connection: made anew when it is lost or silent, with growing waits. */
import { type Backoff, backoffDelay, sleep } from "../../../runtime/backoff.ts";

const BACKOFF: Backoff = { initial_ms: 250, max_ms: 30_000 };
/** A connection that lived so long was a good one: the next wait is short again. */
const GOOD_AFTER_MS = 10_000;
const CONNECT_DEADLINE_MS = 10_000;
/** The watchdog looks this many times in the span that counts as silence. */
const WATCHDOG_LOOKS = 4;

/** What a feed does with its connection. */
export interface FeedHandlers {
  url: URL;
  /** A connection on which nothing comes for so long is given up. */
  silence_ms: number;
  stopping: AbortSignal;
  /** Called on each connection, the first included: subscribes. */
  opened(send: (text: string) => void): void;
  frame(bytes: Uint8Array): void;
  /** Why the connection was lost, and when the next one is tried. */
  lost(why: string, wait_ms: number): void;
  backoff?: Backoff;
}

/**
 * Keeps a feed connected until it is told to stop.
 *
 * @param feed What to do.
 */
export async function keepConnected(feed: FeedHandlers): Promise<void> {
  let attempt = 0;
  while (!feed.stopping.aborted) {
    const started_at_ms = performance.now();
    const why = await connectOnce(feed);
    if (feed.stopping.aborted) return;
    if (performance.now() - started_at_ms > GOOD_AFTER_MS) attempt = 0;
    const wait_ms = backoffDelay(feed.backoff ?? BACKOFF, attempt++);
    feed.lost(why, wait_ms);
    await sleep(wait_ms, feed.stopping);
  }
}

/** One connection from its making to its end; resolves with why it ended. */
function connectOnce(feed: FeedHandlers): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const socket = new WebSocket(feed.url);
  socket.binaryType = "arraybuffer";
  const encoder = new TextEncoder();
  let heard_at_ms = performance.now();
  const deadline = setTimeout(
    () => end(`it was not open within ${CONNECT_DEADLINE_MS} ms`),
    CONNECT_DEADLINE_MS,
  );
  const watchdog = setInterval(() => {
    if (socket.readyState !== WebSocket.OPEN) return;
    if (performance.now() - heard_at_ms >= feed.silence_ms) {
      end(`nothing came for ${feed.silence_ms} ms`);
    }
  }, Math.max(10, feed.silence_ms / WATCHDOG_LOOKS));
  const stop = (): void => end("the producer stops");
  feed.stopping.addEventListener("abort", stop, { once: true });
  let ended = false;

  function end(why: string): void {
    if (ended) return;
    ended = true;
    clearTimeout(deadline);
    clearInterval(watchdog);
    feed.stopping.removeEventListener("abort", stop);
    // A connection that is given up may still say something: it is no longer listened to.
    socket.onmessage = socket.onopen = socket.onclose = null;
    try {
      socket.close();
    } catch {
      // It was never open, or is closed already: either is what is wanted.
    }
    resolve(why);
  }

  socket.onopen = () => {
    clearTimeout(deadline);
    heard_at_ms = performance.now();
    feed.opened((text) => socket.send(text));
  };
  socket.onmessage = ({ data }: MessageEvent<string | ArrayBuffer>) => {
    heard_at_ms = performance.now();
    feed.frame(typeof data === "string" ? encoder.encode(data) : new Uint8Array(data));
  };
  // The event's own message may hold the URL, and with it the key: it is not handed on.
  socket.onerror = () => end("the connection failed");
  socket.onclose = ({ code }) => end(`it was closed with code ${code}`);
  return promise;
}
