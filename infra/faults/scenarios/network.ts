/** Fault 4: a network that delays, loses, cuts, slows and starves. */
import { sleep } from "../../../runtime/backoff.ts";
import type { Database } from "../../../runtime/database.ts";
import { hitFrame, ofTransaction } from "../hit_frame.ts";
import { API, type Frame, type KafkaProxy } from "../kafka_proxy.ts";
import type { Fate } from "../messages.ts";
import type { Scenario, Scene } from "../scenario.ts";
import type { Toxic } from "../toxiproxy.ts";
import { type Poster, startPosters } from "./tick_posters.ts";

const COMMIT_DELAY_MS = 2_000;
const CALM_MS_MAX = 1_000;
/** A reply that is swallowed is waited for until the client's request timeout, a cut is seen at once. */
const SWALLOWED_TIMES = 2;
const CUT_TIMES = 5;
const ALL_CUT_TIMES = 10;
const RESET_TIMES = 3;
const RESET_MS = 500;
const BAD_NETWORK_MS = 15_000;
const RECONNECT_DEADLINE_MS = 30_000;
const LOOK_INTERVAL_MS = 20;
/** Each way, so that a question and its answer take half a second more. */
const LATENCY_MS = 250;
const BANDWIDTH_KB_PER_S = 10;
const POSTERS = 8;
/** Posts under way when a reply is lost, at least. */
const POSTS_UNDER_WAY_MIN = 3;
const CLIENTS = ["producer", "aggregator", "sink"];

const commitReply = ofTransaction(API.end_txn, "reply");

/** Lets something befall so many replies to a transaction's end. */
async function commitReplies(
  { platform, watch, chance }: Scene,
  times: number,
  fate: () => Fate | Promise<Fate>,
): Promise<number> {
  for (let time = 0; time < times; time++) {
    await sleep(chance.between(0, CALM_MS_MAX));
    await hitFrame(platform.servers.frames, commitReply, fate);
    await watch.caughtUp();
  }
  return times;
}

/** Loses replies to the producer's sends while ticks are posted; all that was confirmed is there once. */
async function produceReplies(scene: Scene, times: number, fate: Fate): Promise<number> {
  const { platform: { fleet, servers, connections }, watch, chance } = scene;
  const [producer] = fleet.of("producer");
  const { url } = await producer!.process().line(({ door }) => door === "http");
  const posters = startPosters(String(url), POSTERS);
  let under_way = 0;
  const isProduce = ({ client_id, api_key }: Frame): boolean =>
    client_id === "producer" && api_key === API.produce;
  for (let time = 0; time < times; time++) {
    await sleep(chance.between(0, CALM_MS_MAX));
    await hitFrame(
      servers.frames,
      (frame) => {
        if (!isProduce(frame)) return false;
        if (frame.direction === "request") under_way = posters.underWay();
        return frame.direction === "reply" && under_way >= POSTS_UNDER_WAY_MIN;
      },
      () => fate,
    );
    await posters.answered(POSTERS);
    await watch.caughtUp();
  }
  await posters.stop();
  await watch.caughtUp();
  await eachOnce(connections.database, posters);
  return times;
}

/** Whether every tick that was accepted is stored once, and every other one once at most. */
async function eachOnce({ sql }: Database, posters: Poster): Promise<void> {
  const rows = await sql<{ trade_id: string; count: number }[]>`
    select trade_id, count(*)::int as count from ticks where source = 'http' group by trade_id`;
  const stored = new Map(rows.map(({ trade_id, count }) => [trade_id, count]));
  const { accepted, unknown } = posters.outcome();
  if (accepted.length === 0) throw new Error("No post was accepted");
  const lost = accepted.filter((id) => !stored.has(id));
  const doubled = [...stored].filter(([, count]) => count > 1);
  const posted = new Set([...accepted, ...unknown]);
  const strange = [...stored.keys()].filter((id) => !posted.has(id));
  if (lost.length + doubled.length + strange.length > 0) {
    throw new Error(
      `Of ${accepted.length} accepted ticks ${lost.length} are lost (${lost[0]}), ` +
        `${doubled.length} are stored twice (${doubled[0]}), and ${strange.length} ticks are ` +
        `stored that nobody posted (${strange[0]})`,
    );
  }
}

/** Cuts the services off, and resolves when each has connected again. */
async function cutOff(frames: KafkaProxy): Promise<void> {
  const born = frames.connections();
  const away = new Set(CLIENTS);
  frames.decideBy(({ connection, client_id }) => {
    if (connection >= born) away.delete(client_id);
    return "pass";
  });
  frames.cutAll();
  const deadline = AbortSignal.timeout(RECONNECT_DEADLINE_MS);
  while (away.size > 0) {
    if (deadline.aborted) throw new Error(`Still not connected again: ${[...away].join(", ")}`);
    await sleep(LOOK_INTERVAL_MS);
  }
  frames.decideBy(null);
}

/** Spoils the network to both servers for a while, and resolves when the stages have recovered. */
async function badNetwork({ platform, watch }: Scene, toxic: Toxic): Promise<number> {
  const { kafka_network, postgres_network } = platform.servers;
  const networks = [kafka_network, postgres_network];
  await Promise.all(networks.map((network) => network.poison(toxic)));
  await sleep(BAD_NETWORK_MS);
  await Promise.all(networks.map((network) => network.heal()));
  await watch.caughtUp();
  return 1;
}

export const SCENARIOS: readonly Scenario[] = [
  {
    name: "commit-reply-delayed",
    fault: 4,
    inject: (scene) =>
      commitReplies(scene, CUT_TIMES, async (): Promise<Fate> => {
        await sleep(COMMIT_DELAY_MS);
        return "pass";
      }),
  },
  {
    name: "commit-reply-cut",
    fault: 4,
    inject: (scene) => commitReplies(scene, CUT_TIMES, () => "cut"),
  },
  {
    name: "commit-reply-lost",
    fault: 4,
    inject: (scene) => commitReplies(scene, SWALLOWED_TIMES, () => "swallow"),
  },
  {
    name: "produce-reply-cut",
    fault: 4,
    environment: { TAPELINE_SOURCE: "simulator,http" },
    inject: (scene) => produceReplies(scene, CUT_TIMES, "cut"),
  },
  {
    name: "produce-reply-lost",
    fault: 4,
    environment: { TAPELINE_SOURCE: "simulator,http" },
    // Until the request's timeout the producer sends nothing else.
    starves_source: true,
    inject: (scene) => produceReplies(scene, SWALLOWED_TIMES, "swallow"),
  },
  {
    name: "connections-cut",
    fault: 4,
    async inject({ platform, watch, chance }) {
      const { frames, kafka_network, postgres_network } = platform.servers;
      for (let time = 0; time < ALL_CUT_TIMES; time++) {
        await sleep(chance.between(0, CALM_MS_MAX));
        await cutOff(frames);
        await watch.caughtUp();
      }
      for (let time = 0; time < RESET_TIMES; time++) {
        await sleep(chance.between(0, CALM_MS_MAX));
        const born = frames.connections();
        const networks = [kafka_network, postgres_network];
        const reset: Toxic = { type: "reset_peer", attributes: { timeout: 0 } };
        await Promise.all(networks.map((network) => network.poison(reset)));
        await sleep(RESET_MS);
        await Promise.all(networks.map((network) => network.heal()));
        if (frames.connections() === born) throw new Error("The reset cut no connection");
        await watch.caughtUp();
      }
      return ALL_CUT_TIMES + RESET_TIMES;
    },
  },
  {
    name: "network-slow",
    fault: 4,
    inject: (scene) => badNetwork(scene, { type: "latency", attributes: { latency: LATENCY_MS } }),
  },
  {
    name: "network-thin",
    fault: 4,
    starves_source: true,
    inject: (scene) =>
      badNetwork(scene, { type: "bandwidth", attributes: { rate: BANDWIDTH_KB_PER_S } }),
  },
];
