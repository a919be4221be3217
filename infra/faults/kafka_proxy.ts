/**
 * A proxy in front of Kafka that reads the head of each request, so that a fault can fall on a
 * chosen request or reply (https://kafka.apache.org/protocol#protocol_messages).
 */
import { carryMessages, type Fate } from "./messages.ts";

/** Kinds of requests; numbers are the protocol's API keys. */
export const API = {
  produce: 0,
  fetch: 1,
  heartbeat: 12,
  init_producer_id: 22,
  add_partitions_to_txn: 24,
  end_txn: 26,
  txn_offset_commit: 28,
} as const;

/** One request, or the reply to it. */
export interface Frame {
  direction: "request" | "reply";
  /** Numbers the clients' connections, from 0. */
  connection: number;
  client_id: string;
  api_key: number;
  /** Whether a transaction is open on the connection: begun, and its end not answered. */
  in_transaction: boolean;
}

/**
 * What becomes of a frame; a heartbeat's reply may also pass as one that says all is well, whatever
 * the broker said: the member then does not learn that the group goes on without it.
 */
export type FrameFate = Fate | "reassure";

/** Decides over a frame; may wait first, which delays it and what follows on its connection. */
export type DecideFrame = (frame: Frame) => FrameFate | Promise<FrameFate>;

/** A running proxy. */
export interface KafkaProxy {
  port: number;
  /** Who decides from now on; null lets everything pass. */
  decideBy(decide: DecideFrame | null): void;
  /** How many connections of a client have a transaction open. */
  openTransactions(client_id: string): number;
  /**
   * Whether a client has a transaction open, or holds records that it fetched since it last began
   * one: they are in no transaction yet.
   */
  hasUncommitted(client_id: string): boolean;
  /** How many connections there have been: the number that the next one gets. */
  connections(): number;
  /** Cuts every connection. */
  cutAll(): void;
  close(): void;
}

/** Where a request's head has what. */
const API_KEY_AT = 4;
const CLIENT_ID_AT = 12;

/** A reply to a fetch that is larger holds records, whatever the number of its partitions. */
const EMPTY_FETCH_BYTES_MAX = 500;

/**
 * Starts a proxy on a free port.
 *
 * @param upstreamPort The broker's port on this machine, asked for at each connection.
 */
export function startKafkaProxy(upstreamPort: () => number): KafkaProxy {
  const open = new Map<number, { client_id: string; in_transaction: boolean }>();
  const holding_records = new Set<string>();
  let connections = 0;
  let decide: DecideFrame | null = null;
  const decoder = new TextDecoder();

  const proxy = carryMessages({
    upstreamPort,
    requestSize: sizeOf,
    replySize: sizeOf,
    judges(connection) {
      const state = { client_id: "", in_transaction: false };
      open.set(connection, state);
      connections = connection + 1;
      /** API keys of requests whose replies are to come, in their order: every one is answered. */
      const asked: number[] = [];
      const judge = async (direction: Frame["direction"], api_key: number): Promise<FrameFate> =>
        await decide?.({ direction, connection, api_key, ...state }) ?? "pass";
      return {
        async request(frame) {
          const view = new DataView(frame.buffer, frame.byteOffset);
          const api_key = view.getInt16(API_KEY_AT);
          const length = Math.max(0, view.getInt16(CLIENT_ID_AT));
          const start = CLIENT_ID_AT + 2;
          state.client_id = decoder.decode(frame.subarray(start, start + length));
          if (api_key === API.add_partitions_to_txn) {
            state.in_transaction = true;
            holding_records.delete(state.client_id);
          }
          const fate = await judge("request", api_key);
          // The broker answers what it is asked, in that order.
          if (fate === "reassure") throw new Error("Only a reply can reassure");
          if (fate === "pass") asked.push(api_key);
          return fate;
        },
        async reply(frame) {
          const api_key = asked.shift() ?? -1;
          const fate = await judge("reply", api_key);
          if (api_key === API.end_txn) state.in_transaction = false;
          if (api_key === API.fetch && frame.length > EMPTY_FETCH_BYTES_MAX) {
            holding_records.add(state.client_id);
          }
          if (fate !== "reassure") return fate;
          // A heartbeat's reply ends in its error code, 0 where there is none.
          new DataView(frame.buffer, frame.byteOffset + frame.length - 2).setInt16(0, 0);
          return "pass";
        },
        ended: () => void open.delete(connection),
      };
    },
  });
  const openTransactions = (client_id: string): number =>
    [...open.values()].filter((each) => each.client_id === client_id && each.in_transaction).length;
  return {
    port: proxy.port,
    decideBy: (next) => void (decide = next),
    openTransactions,
    hasUncommitted: (client_id) =>
      openTransactions(client_id) > 0 || holding_records.has(client_id),
    connections: () => connections,
    cutAll: proxy.cutAll,
    close: proxy.close,
  };
}

function sizeOf(held: Uint8Array): number | null {
  return held.length < 4 ? null : 4 + new DataView(held.buffer, held.byteOffset).getUint32(0);
}
