/** What a request to the HTTP door holds: its bytes, bounded, and the ticks in them. */
import { decodeJson, type Fault } from "../../../contract/tick.ts";

/** The kinds of body that the door takes. */
export type BodyKind = "json" | "ndjson";

/** Decoded values in the order of the body; a line that can't be decoded has its fault. */
export type DecodedBody = ({ value: unknown } | { fault: Fault })[];

/**
 * The kind of a body by its content type.
 *
 * @param content_type The header; null where it is absent.
 * @returns Null for a type that the door does not take.
 */
export function bodyKind(content_type: string | null): BodyKind | null {
  const [media_type = ""] = (content_type ?? "").split(";");
  switch (media_type.trim().toLowerCase()) {
    case "application/json":
      return "json";
    case "application/x-ndjson":
    case "application/ndjson":
    case "application/jsonl":
      return "ndjson";
    default:
      return null;
  }
}

/**
 * Reads a body up to a limit.
 *
 * @param body The request's body.
 * @param bytes_max The limit.
 * @param signal Ends the reading: whoever sends too slowly is not waited for.
 * @returns Null where the body is larger.
 * @throws The signal's reason, or the connection's error.
 */
export async function readBody(
  body: ReadableStream<Uint8Array> | null,
  bytes_max: number,
  signal: AbortSignal,
): Promise<Uint8Array | null> {
  if (body === null) return new Uint8Array();
  const reader = body.getReader();
  const cancel = (): void => void reader.cancel(signal.reason).catch(() => {});
  signal.addEventListener("abort", cancel, { once: true });
  const pieces: Uint8Array[] = [];
  let length = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      signal.throwIfAborted();
      if (done) break;
      length += value.length;
      if (length > bytes_max) {
        cancel();
        return null;
      }
      pieces.push(value);
    }
  } finally {
    signal.removeEventListener("abort", cancel);
  }
  const whole = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

/**
 * Decodes a body: one tick, an array of them, or one a line.
 *
 * @param kind What it is said to be.
 * @param bytes The body.
 */
export function decodeBody(kind: BodyKind, bytes: Uint8Array): DecodedBody {
  if (bytes.length === 0) {
    return [{ fault: { reason: "empty_value", message: "The body is empty" } }];
  }
  if (kind === "ndjson") {
    return linesOf(bytes).filter((line) => !isBlank(line)).map((line) => decodeJson(line));
  }
  const decoded = decodeJson(bytes);
  if ("fault" in decoded || !Array.isArray(decoded.value)) return [decoded];
  return decoded.value.map((value: unknown) => ({ value }));
}

function linesOf(bytes: Uint8Array): Uint8Array[] {
  const lines: Uint8Array[] = [];
  let from = 0;
  for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, from)) {
    lines.push(bytes.subarray(from, end));
    from = end + 1;
  }
  lines.push(bytes.subarray(from));
  return lines;
}

function isBlank(line: Uint8Array): boolean {
  return line.every((byte) => byte === 32 || byte === 9 || byte === 13);
}
