/** The stages, in the order in which a tick travels, and what each reads and writes. */

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
