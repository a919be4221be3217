/** Source `finnhub`: trades from Finnhub's WebSocket. */
import { refuseInput } from "../refused_input.ts";
import { keepConnected } from "./feed_connection.ts";
import { readFrame } from "./finnhub_frame.ts";
import type { Door, OpenSource, SourceContext } from "./source.ts";

const SOURCE = "finnhub";
const FROM = { from: SOURCE };
/** A live source says this often what event time it has reached. */
const HEARTBEAT_MS = 1_000;
/**
 * Venues report so much later than one another, at most: what the feed has reached stays so far
 * behind its newest trade. After as long without a trade its event time goes on with the clock.
 */
const QUIET_GRACE_MS = 10_000;

/** What event time a feed has reached. */
export interface ReachedTime {
  /** A trade came in. */
  saw(timestamp: number, now_ms: number): void;
  /** Null before the first trade. */
  at(now_ms: number): number | null;
}

/**
 * Follows a feed's event time: a grace behind the newest trade of any symbol and behind the clock,
 * so that a venue which reports later than the others loses nothing. When none has come for a while,
 * it goes on with the clock from there, so that the windows of a quiet night are closed too.
 */
export function createReachedTime(): ReachedTime {
  let newest: number | null = null;
  let newest_seen_at_ms = 0;
  let last_seen_at_ms = 0;
  return {
    saw(timestamp, now_ms) {
      if (newest === null || timestamp > newest) {
        newest = timestamp;
        newest_seen_at_ms = now_ms;
      }
      last_seen_at_ms = now_ms;
    },
    at(now_ms) {
      if (newest === null) return null;
      const is_quiet = now_ms - last_seen_at_ms >= QUIET_GRACE_MS;
      const reached = is_quiet ? newest + now_ms - newest_seen_at_ms : newest;
      return Math.min(reached, now_ms) - QUIET_GRACE_MS;
    },
  };
}

/** A feed's state, for /ready and the heartbeat. */
interface Feed {
  connected: boolean;
  frames: number;
  reached: ReachedTime;
}

/** Opens the feed; it is connected when it runs. */
export const openFinnhub: OpenSource = (context) => {
  const feed: Feed = { connected: false, frames: 0, reached: createReachedTime() };
  context.metrics.feed_connected.set(FROM, 0);
  return Promise.resolve({
    missing: () => feed.connected ? [] : ["Finnhub's feed is not connected"],
    run: () => runFeed(context, feed),
  });
};

async function runFeed(context: SourceContext, feed: Feed): Promise<void> {
  const { config, log, metrics, stopping } = context;
  const url = new URL(config.finnhub_url);
  url.searchParams.set("token", config.finnhub_api_key!);
  const heartbeat = setInterval(() => sendHeartbeat(context.door, feed), HEARTBEAT_MS);
  let connections = 0;
  try {
    await keepConnected({
      url,
      silence_ms: config.feed_silence_ms,
      stopping,
      opened(send) {
        feed.connected = true;
        metrics.feed_connected.set(FROM, 1);
        if (connections++ > 0) metrics.feed_reconnects.inc(FROM);
        for (const symbol of config.symbols) send(JSON.stringify({ type: "subscribe", symbol }));
        log.info("the feed is connected", { event: "feed_connected", symbols: config.symbols });
      },
      frame: (bytes) => takeFrame(context, feed, bytes),
      lost(why, wait_ms) {
        feed.connected = false;
        metrics.feed_connected.set(FROM, 0);
        metrics.errors.inc({ kind: "feed_lost" });
        log.warn(`the feed's connection was lost: ${why}`, { event: "feed_lost", wait_ms });
      },
    });
  } finally {
    clearInterval(heartbeat);
    metrics.feed_connected.set(FROM, 0);
  }
}

function sendHeartbeat(door: Door, feed: Feed): void {
  const event_time = feed.reached.at(Date.now());
  if (!feed.connected || event_time === null) return;
  // Where the queue is full the next heartbeat says the same and more.
  door.offer({ kind: "marker", source: SOURCE, event_time, ended: false });
}

/** Ticks of a frame go on; a frame with anything bad in it goes to the dead letters as it came. */
function takeFrame(context: SourceContext, feed: Feed, bytes: Uint8Array): void {
  const { door, log, metrics, config } = context;
  const number = ++feed.frames;
  const frame = readFrame(bytes);
  if (frame.kind === "ping") return;
  if (frame.kind === "error") {
    metrics.errors.inc({ kind: "feed_error" });
    const message = frame.message.replaceAll(config.finnhub_api_key!, "***").slice(0, 500);
    log.warn(`Finnhub says: ${message}`, { event: "feed_error" });
    return;
  }
  if (frame.kind === "malformed") {
    door.countMalformed([frame.fault]);
    refuse(door, refuseInput(SOURCE, number, bytes, frame.fault));
    return;
  }
  const { ticks, refused } = door.admit(SOURCE, frame.inputs);
  if (refused.length > 0) {
    const message = refused.map(({ index, fault }) => `trade ${index}: ${fault.message}`).join(
      "; ",
    );
    refuse(door, refuseInput(SOURCE, number, bytes, { ...refused[0]!.fault, message }));
  }
  if (ticks.length === 0) return;
  if (!door.offer({ kind: "ticks", ticks })) {
    door.countOverflow(ticks.length);
    return;
  }
  const now_ms = Date.now();
  for (const { timestamp } of ticks) feed.reached.saw(timestamp, now_ms);
}

function refuse(door: Door, input: ReturnType<typeof refuseInput>): void {
  if (!door.offer({ kind: "refused", inputs: [input] })) door.countLostLetter();
}
