/** Finnhub's frames (https://finnhub.io/docs/api/websocket-trades) as what the door judges. */
import { decodeJson, describe, type Fault } from "../../../contract/tick.ts";

/** What a frame says. */
export type Frame =
  | { kind: "trades"; inputs: unknown[] }
  | { kind: "ping" }
  | { kind: "error"; message: string }
  | { kind: "malformed"; fault: Fault };

/**
 * Reads a frame. The trade conditions `c` (null, empty or absent as often as not) are not used: what
 * they mean differs between exchanges.
 *
 * @param bytes The frame's payload.
 */
export function readFrame(bytes: Uint8Array): Frame {
  const decoded = decodeJson(bytes);
  if ("fault" in decoded) return { kind: "malformed", fault: decoded.fault };
  const { value } = decoded;
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return malformed(`a frame must be an object: it is ${describe(value)}`);
  }
  const { type, data, msg } = value as { [field: string]: unknown };
  switch (type) {
    case "ping":
      return { kind: "ping" };
    case "error":
      return { kind: "error", message: typeof msg === "string" ? msg : describe(msg) };
    case "trade":
      if (!Array.isArray(data)) {
        return malformed(`data of a trade frame must be an array: it is ${describe(data)}`);
      }
      return { kind: "trades", inputs: data.map(toInput) };
    default:
      return malformed(`type must be trade, ping or error: it is ${describe(type)}`);
  }
}

function malformed(message: string): Frame {
  return { kind: "malformed", fault: { reason: "frame_malformed", message } };
}

function toInput(trade: unknown): unknown {
  // Whatever is no object is for the door to refuse.
  if (typeof trade !== "object" || trade === null || Array.isArray(trade)) return trade;
  const { s: symbol, p: price, v: volume, t: timestamp } = trade as { [field: string]: unknown };
  return { symbol, price, volume, timestamp };
}
