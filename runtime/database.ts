/** Postgres for every service: the one module that makes postgres.js clients. */
import net from "node:net";
import postgres from "postgres";
import { backoffDelay, withDeadline } from "./backoff.ts";

/** How to reach a database, and the limits of whoever uses it. */
export interface DatabaseOptions {
  /** postgres://user:password@host:port/database; `sslmode` and the like as its query. */
  url: URL | string;
  /** Seen in pg_stat_activity: the service's name. */
  application_name: string;
  /** Most connections at once. */
  pool_size: number;
  /** The server ends a statement that takes longer. */
  statement_timeout_ms: number;
  /** How long a connection may take until it can be used; 5,000 unless told. */
  connect_timeout_ms?: number;
  /** The server ends a session that leaves a transaction idle for longer; 10,000 unless told. */
  idle_transaction_timeout_ms?: number;
  /** Told how much of the pool is in use, whenever that changes. */
  onUse?: (use: PoolUse) => void;
}

/** How much of a pool is in use. */
export interface PoolUse {
  /** Connections that are open, or being opened. */
  connections: number;
  /** Transactions that are under way, or wait for a connection. */
  transactions: number;
}

/** A pool of connections. */
export interface Database {
  /**
   * Runs queries: postgres.js' tagged template. Connections are made as they are needed. For
   * transactions there is `transaction`: its own `begin` ends the process with a TypeError where the
   * connection is lost in the middle of one.
   */
  sql: postgres.Sql;
  /**
   * Runs queries in a transaction: commits when the work is done, rolls back when it throws.
   *
   * @param work Is given the transaction; awaits nothing but its queries.
   * @throws What the work threw, or what was wrong with the connection. If that was lost during
   *   COMMIT, nobody knows whether it took place.
   */
  transaction<Result>(
    work: (sql: postgres.TransactionSql) => Promise<Result>,
  ): Promise<Result>;
  /**
   * Cuts every connection at once: for one that hangs. Queries under way fail with
   * CONNECTION_CLOSED; the next query gets a fresh connection.
   */
  cutConnections(): void;
  /**
   * Ends the pool: waits for queries under way, and cuts what is left at the deadline.
   *
   * @param deadline_ms How long to wait; 5,000 unless told.
   */
  close(deadline_ms?: number): Promise<void>;
}

/** A connection is renewed after this long, so that a moved server is found in the end. */
const CONNECTION_LIFETIME_S = 1_800;

/** Between attempts to connect; whoever queries has a backoff of their own on top. */
const CONNECT_BACKOFF = { initial_ms: 20, max_ms: 1_000 };

/**
 * Makes a pool of connections. Nothing is connected yet: the first query does it, and fails with
 * the reason where it can't.
 *
 * @param options Where, and the limits.
 * @throws Error when the URL is none; the error does not show it, since it may hold a password.
 */
export function openDatabase(options: DatabaseOptions): Database {
  const {
    application_name,
    pool_size,
    statement_timeout_ms,
    connect_timeout_ms = 5_000,
    idle_transaction_timeout_ms = 10_000,
    onUse = () => {},
  } = options;
  const url = String(options.url);
  if (!URL.canParse(url)) {
    throw new Error(
      "Cannot open the database as its URL is none: give postgres://user:password@host:port/database",
    );
  }
  const sockets = new Set<net.Socket>();
  let allClosed = (): void => {};
  let transactions = 0;
  const tellUse = (): void => onUse({ connections: sockets.size, transactions });
  const forget = (socket: net.Socket): void => {
    if (!sockets.delete(socket)) return;
    tellUse();
    if (sockets.size === 0) allClosed();
  };
  const settings: postgres.Options<Record<string, never>> & { socket: SocketMaker } = {
    max: pool_size,
    connect_timeout: connect_timeout_ms / 1_000,
    max_lifetime: CONNECTION_LIFETIME_S,
    // It would ask each new connection for its array types, which nothing here uses, and where that
    // connection is lost before the answer nobody catches the rejection (3.4.9).
    fetch_types: false,
    backoff: (attempt: number) => backoffDelay(CONNECT_BACKOFF, attempt) / 1_000,
    // Notices ("relation exists, skipping") would go to standard output, among the log lines.
    onnotice: () => {},
    connection: {
      application_name,
      statement_timeout: statement_timeout_ms,
      idle_in_transaction_session_timeout: idle_transaction_timeout_ms,
      TimeZone: "UTC",
    },
    socket(target) {
      const socket = openSocket(target);
      // Under TLS postgres.js takes our listener away.
      for (const known of sockets) if (known.destroyed) forget(known);
      sockets.add(socket);
      tellUse();
      socket.on("close", () => forget(socket));
      return socket;
    },
  };
  const sql = postgres(url, settings);

  function cutConnections(): void {
    for (const socket of sockets) socket.destroy();
  }

  return {
    sql,
    async transaction(work) {
      transactions++;
      tellUse();
      try {
        return await runTransaction(sql, work);
      } finally {
        transactions--;
        tellUse();
      }
    },
    cutConnections,
    async close(deadline_ms = 5_000) {
      // postgres.js never says that it has ended once a connection was lost in the middle of a query,
      // so the sockets are asked as well.
      const closed = new Promise<void>((resolve) => allClosed = resolve);
      const ended = sql.end();
      try {
        if (sockets.size > 0) {
          await withDeadline(Promise.race([ended, closed]), deadline_ms, "Closing the database");
        }
      } catch {
        // Past the deadline they are cut below, which is what the caller asked for.
      }
      cutConnections();
    },
  };
}

/**
 * Gives queries a deadline: a server that has gone without a word never answers, and no timeout of
 * its own counts then. Past it every connection is cut, since one of them hangs.
 *
 * @param database Whose queries.
 * @param work The queries, under way.
 * @param deadline_ms How long they may take: longer than the server gives to their statements.
 * @param doing Says what was being done, for the error.
 * @throws What the work threw, or Error when the deadline has passed.
 */
export async function answeredWithin<Result>(
  database: Database,
  work: Promise<Result>,
  deadline_ms: number,
  doing: string,
): Promise<Result> {
  let settled = false;
  const settling = work.finally(() => settled = true);
  try {
    return await withDeadline(settling, deadline_ms, doing);
  } finally {
    if (!settled) database.cutConnections();
  }
}

/**
 * postgres.js answers whatever goes wrong in a transaction with a ROLLBACK. Where the connection was
 * lost it writes that to a socket which is null, in a callback that nobody can catch (3.4.9). So the
 * work of a lost connection is left unsettled: its `begin` has learnt of the loss by another way and
 * rejects all the same.
 */
async function runTransaction<Result>(
  sql: postgres.Sql,
  work: (sql: postgres.TransactionSql) => Promise<Result>,
): Promise<Result> {
  const result = await sql.begin(async (transaction) => {
    try {
      return { value: await work(transaction) };
    } catch (error) {
      if (isConnectionLost(error)) await new Promise<never>(() => {});
      throw error;
    }
  });
  return result.value;
}

/** Codes of postgres.js and of the operating system. */
const LOST_CODES = /^(CONNECTION_|CONNECT_TIMEOUT$|E[A-Z]+$)/;

/** Whether the connection is gone or will be in a moment: after FATAL the server closes it. */
function isConnectionLost(error: unknown): boolean {
  const refusal = serverError(error);
  if (refusal !== null) return refusal.severity !== "ERROR";
  for (let seen = error; seen instanceof Error; seen = seen.cause) {
    if ("code" in seen && LOST_CODES.test(String(seen.code))) return true;
  }
  return false;
}

/** What postgres.js hands to its `socket` option: its options, hosts and ports as lists. */
interface SocketTarget {
  host: string[];
  port: number[];
  path: string | false;
}

/** postgres.js' `socket` option, which its types leave out. */
type SocketMaker = (target: SocketTarget) => net.Socket;

/**
 * A socket without Nagle's algorithm: with it and delayed acknowledgement every COPY waits 40 to
 * 90 ms. It is handed over while it still connects, because a failure must reach postgres.js as the
 * socket's event: where this function itself fails, the pool's slot is lost for good.
 */
function openSocket(target: SocketTarget): net.Socket {
  const socket = new net.Socket();
  const host = target.host[0] ?? "localhost";
  const port = target.port[0] ?? 5_432;
  socket.setNoDelay(true);
  if (target.path) socket.connect(target.path);
  else socket.connect(port, host);
  // postgres.js names them in its errors, and the host in TLS.
  return Object.assign(socket, { host, port });
}

/**
 * The database's own refusal, as told from a connection that failed: `code` is its SQLSTATE
 * (PostgreSQL documentation, appendix A), `routine` the server's function that refused.
 *
 * @param error Whatever was thrown; its causes are looked through too.
 * @returns Null where the server has not answered: it is away, hangs or was never reached.
 */
export function serverError(error: unknown): postgres.PostgresError | null {
  for (let seen = error; seen instanceof Error; seen = seen.cause) {
    if (seen instanceof postgres.PostgresError) return seen;
  }
  return null;
}

/** Connection trouble, a transaction to repeat, resources used up, an operator at work, I/O. */
const PASSING_CLASSES = ["08", "40", "53", "55", "57", "58"];

/**
 * Whether an error may pass by itself, so that trying again makes sense: the database is away or
 * busy. A wrong password, a missing table or a refused row does not pass.
 */
export function isPassing(error: unknown): boolean {
  const refusal = serverError(error);
  return refusal === null || PASSING_CLASSES.includes(refusal.code.slice(0, 2));
}
