/** The stages, in the order in which a tick travels, and what each reads and writes; the watchers. */

/** The topics by what they hold; their names come from config (contract/topics.ts). */
export type TopicRole = "ticks" | "candles" | "alerts" | "dead_letters";

/** One stage: one folder in services/, one process, one label `service`. */
export interface Stage {
  name: string;
  reads: readonly TopicRole[];
  writes: readonly TopicRole[];
  tables: readonly string[];
}

export const PIPELINE = [
  { name: "producer", reads: [], writes: ["ticks", "dead_letters"], tables: [] },
  { name: "aggregator", reads: ["ticks"], writes: ["candles", "dead_letters"], tables: [] },
  {
    name: "sink",
    reads: ["ticks", "candles"],
    writes: ["dead_letters"],
    tables: ["ticks", "candles", "kafka_offsets"],
  },
] as const satisfies readonly Stage[];

export type StageName = (typeof PIPELINE)[number]["name"];

/** Services that no tick passes through: each watches from outside. */
export const WATCHERS = [
  { name: "lag" },
  { name: "ledger" },
] as const;

export type ServiceName = StageName | (typeof WATCHERS)[number]["name"];

/** Every service: one folder in services/, one process, one label `service`. Stages come first. */
export const SERVICE_NAMES: readonly ServiceName[] = [...PIPELINE, ...WATCHERS]
  .map(({ name }) => name);
