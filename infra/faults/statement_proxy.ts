/**
 * A proxy in front of Postgres that sees transactions end, so that a fault can fall just before or
 * just after a COMMIT, or into a COPY. It reads the protocol's messages by their common head
 * (https://www.postgresql.org/docs/17/protocol-message-formats.html).
 */
import { carryMessages, type Fate, type Judge } from "./messages.ts";

/** What passes that a fault may be aimed at. */
export interface Passing {
  moment: "copy_data" | "commit_asked" | "commit_answered";
  /** The session's application_name. */
  application_name: string;
}

/** Decides over what passes; may wait first, which holds back what follows on its connection. */
export type DecideStatement = (passing: Passing) => Fate | Promise<Fate>;

/** A running proxy. */
export interface StatementProxy {
  port: number;
  /** Who decides from now on; null lets everything pass. */
  decideBy(decide: DecideStatement | null): void;
  close(): void;
}

const MESSAGE = { query: "Q", parse: "P", copy_data: "d", complete: "C" } as const;

/**
 * Starts a proxy on a free port.
 *
 * @param upstream_port Postgres' port on this machine.
 */
export function startStatementProxy(upstream_port: number): StatementProxy {
  let decide: DecideStatement | null = null;
  const decoder = new TextDecoder();

  function judges(): { request: Judge; reply: Judge } {
    let application_name = "";
    let is_started = false;
    const passing = async (moment: Passing["moment"]): Promise<Fate> =>
      await decide?.({ moment, application_name }) ?? "pass";
    return {
      async request(message) {
        if (!is_started) {
          is_started = true;
          const words = decoder.decode(message.subarray(8)).split("\0");
          application_name = words[words.indexOf("application_name") + 1] ?? "";
          return "pass";
        }
        const type = String.fromCharCode(message[0]!);
        if (type === MESSAGE.copy_data) return await passing("copy_data");
        const is_statement = type === MESSAGE.query || type === MESSAGE.parse;
        const text = is_statement ? decoder.decode(message.subarray(5)) : "";
        return /^\0?commit\b/i.test(text) ? await passing("commit_asked") : "pass";
      },
      async reply(message) {
        const is_commit = String.fromCharCode(message[0]!) === MESSAGE.complete &&
          decoder.decode(message.subarray(5, 11)) === "COMMIT";
        return is_commit ? await passing("commit_answered") : "pass";
      },
    };
  }

  const proxy = carryMessages({
    upstreamPort: () => upstream_port,
    judges,
    /** The startup message has no type before its length; every other message has. */
    requestSize: (held, count) => sizeOf(held, count === 0 ? 0 : 1),
    replySize: (held) => sizeOf(held, 1),
  });
  return { port: proxy.port, decideBy: (next) => void (decide = next), close: proxy.close };
}

function sizeOf(held: Uint8Array, type_bytes: number): number | null {
  if (held.length < type_bytes + 4) return null;
  return type_bytes + new DataView(held.buffer, held.byteOffset).getUint32(type_bytes);
}
