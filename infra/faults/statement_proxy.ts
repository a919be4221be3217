/**
 * A proxy in front of Postgres that sees transactions end, so that a fault can fall just before or
 * just after a COMMIT, or into a COPY. It reads the protocol's messages by their common head
 * (https://www.postgresql.org/docs/17/protocol-message-formats.html).
 */
import { carryMessages, type Fate, type Judge } from "./messages.ts";

/** What passes that a fault may be aimed at. */
export interface Passing {
  moment: "statement" | "copy_data" | "commit_asked" | "commit_answered";
  /** The session's application_name. */
  application_name: string;
  /** Numbers the clients' connections, from 0. */
  connection: number;
  /** Whether rows were copied since the last transaction on the connection ended. */
  has_copied: boolean;
}

/** Decides over what passes; may wait first, which holds back what follows on its connection. */
export type DecideStatement = (passing: Passing) => Fate | Promise<Fate>;

/** A running proxy. */
export interface StatementProxy {
  port: number;
  /** Who decides from now on; null lets everything pass. */
  decideBy(decide: DecideStatement | null): void;
  /** How many connections there have been: the number that the next one gets. */
  connections(): number;
  close(): void;
}

const MESSAGE = { query: "Q", parse: "P", bind: "B", copy_data: "d", complete: "C" } as const;

/**
 * Starts a proxy on a free port.
 *
 * @param upstream_port Postgres' port on this machine.
 */
export function startStatementProxy(upstream_port: number): StatementProxy {
  let decide: DecideStatement | null = null;
  let connections = 0;
  const decoder = new TextDecoder();

  function judges(connection: number): { request: Judge; reply: Judge } {
    connections = connection + 1;
    let application_name = "";
    let is_started = false;
    let has_copied = false;
    /** Names of prepared statements that commit: a client parses one once, and binds it each time. */
    const commits = new Set<string>();
    const passing = async (moment: Passing["moment"]): Promise<Fate> =>
      await decide?.({ moment, application_name, connection, has_copied }) ?? "pass";
    return {
      async request(message) {
        if (!is_started) {
          is_started = true;
          const words = decoder.decode(message.subarray(8)).split("\0");
          application_name = words[words.indexOf("application_name") + 1] ?? "";
          return "pass";
        }
        const type = String.fromCharCode(message[0]!);
        const words = (): string[] => decoder.decode(message.subarray(5)).split("\0");
        if (type === MESSAGE.copy_data) {
          has_copied = true;
          return await passing("copy_data");
        }
        if (type === MESSAGE.parse) {
          const [name, text] = words();
          if (isCommit(text!)) commits.add(name!);
          else commits.delete(name!);
        }
        const is_commit = (type === MESSAGE.query && isCommit(words()[0]!)) ||
          (type === MESSAGE.bind && commits.has(words()[1]!));
        if (is_commit) return await passing("commit_asked");
        const is_statement = type === MESSAGE.query || type === MESSAGE.parse;
        return is_statement ? await passing("statement") : "pass";
      },
      async reply(message) {
        if (String.fromCharCode(message[0]!) !== MESSAGE.complete) return "pass";
        const tag = decoder.decode(message.subarray(5)).split("\0")[0]!;
        const fate = tag === "COMMIT" ? await passing("commit_answered") : "pass";
        if (tag === "COMMIT" || tag === "ROLLBACK") has_copied = false;
        return fate;
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
  return {
    port: proxy.port,
    decideBy: (next) => void (decide = next),
    connections: () => connections,
    close: proxy.close,
  };
}

function isCommit(text: string): boolean {
  return /^commit\b/i.test(text);
}

function sizeOf(held: Uint8Array, type_bytes: number): number | null {
  if (held.length < type_bytes + 4) return null;
  return type_bytes + new DataView(held.buffer, held.byteOffset).getUint32(type_bytes);
}
