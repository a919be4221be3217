/** Fault 7: dead letters that can't be written, and letters as large as they can be. */
import { ConfigResourceTypes } from "kafkajs";
import { sleep } from "../../../runtime/backoff.ts";
import { configuredTopics } from "../../configured_topics.ts";
import { groupPositions, type Positions, sinkPositions } from "../../local/lag.ts";
import { TICK_STAGES, type TickStage } from "../../ledger/tick_book.ts";
import { eventually } from "../../testing/test_service.ts";
import { type BadInput, lettersOf, openBadInput, type Place } from "../bad_input.ts";
import type { Platform } from "../platform.ts";
import type { Scenario, Scene } from "../scenario.ts";

/** How long the letters can't be written. */
const AWAY_MS = 8_000;
const LOOK_INTERVAL_MS = 200;
/** A record that is no tick, and whose letter is larger than the limit set below. */
const NO_TICK = { key: null, value: "no tick ".repeat(50) };
const LETTER_BYTES_REFUSED = 100;
/** The client tries some seconds for a topic that is not there, and only a second failure is told. */
const READY_DEADLINE_MS = 60_000;

/** Makes letters impossible to write, and possible again. */
interface Outage {
  begin(platform: Platform): Promise<void>;
  end(platform: Platform): Promise<void>;
}

/** The broker refuses every letter as too large. */
const REFUSED: Outage = {
  begin: (platform) =>
    alterLetterTopic(platform, { "max.message.bytes": `${LETTER_BYTES_REFUSED}` }),
  end: (platform) => alterLetterTopic(platform, {}),
};

/** Somebody has deleted the topic; it is made anew. */
const MISSING: Outage = {
  async begin({ connections: { admin }, config }) {
    await admin.deleteTopics({ topics: [config.dead_letter_topic] });
  },
  async end(platform) {
    const { topic, partitions, settings } = configuredTopics(platform.config).dead_letters;
    const configEntries = Object.entries(settings).map(([name, value]) => ({ name, value }));
    await platform.connections.admin.createTopics({
      waitForLeaders: true,
      topics: [{ topic, numPartitions: partitions, configEntries }],
    });
  },
};

/** Kafka takes all of a topic's settings at once: what is not named goes back to its default. */
async function alterLetterTopic(
  platform: Platform,
  changed: { [setting: string]: string },
): Promise<void> {
  const { topic, settings } = configuredTopics(platform.config).dead_letters;
  const configEntries = Object.entries({ ...settings, ...changed })
    .map(([name, value]) => ({ name, value }));
  await platform.connections.admin.alterConfigs({
    validateOnly: false,
    resources: [{ type: ConfigResourceTypes.TOPIC, name: topic, configEntries }],
  });
}

async function positions(platform: Platform): Promise<{ [stage in TickStage]: Positions }> {
  const { connections: { admin, database, cluster_id }, config } = platform;
  return {
    aggregator: await groupPositions(admin, config.aggregator_group, config.tick_topic),
    sink: await sinkPositions(database, config.sink_group, cluster_id, config.tick_topic),
  };
}

/** Bad records into every partition. */
async function sendToAll({ config }: Platform, input: BadInput): Promise<Place[]> {
  const places: Place[] = [];
  for (let partition = 0; partition < config.tick_partitions; partition++) {
    places.push(await input.send(partition, NO_TICK));
  }
  return places;
}

/** @throws Error where a stage has gone past a record whose letter can't have been written. */
async function assertWaits(platform: Platform, first: readonly Place[]): Promise<void> {
  const found = await positions(platform);
  for (const stage of TICK_STAGES) {
    for (const { partition, offset } of first) {
      const next_offset = found[stage].get(partition) ?? 0n;
      if (next_offset <= offset) continue;
      throw new Error(
        `The ${stage} has gone on to offset ${next_offset} of partition ${partition}, past the ` +
          `bad record at ${offset}, whose letter it could not write`,
      );
    }
  }
}

/** Waits until the stage says in /ready that it is the dead letters. */
async function saysWhy(platform: Platform, stage: TickStage): Promise<void> {
  const [instance] = platform.fleet.of(stage);
  const letters = platform.config.dead_letter_topic;
  let said = "nothing";
  await eventually(
    async () => {
      const response = await fetch(`${await instance!.process().operationsUrl()}/ready`);
      said = await response.text();
      return !response.ok && said.includes(letters);
    },
    `the ${stage}'s /ready to name ${letters}`,
    READY_DEADLINE_MS,
  ).catch((error) => {
    throw new Error(`${(error as Error).message}; it says ${said}`);
  });
}

async function withoutLetters(
  { platform, watch }: Scene,
  outage: Outage,
): Promise<number> {
  await using input = await openBadInput(platform);
  await outage.begin(platform);
  const first = await sendToAll(platform, input);
  const places = [...first];
  const until_ms = performance.now() + AWAY_MS;
  const both_say = Promise.all(TICK_STAGES.map((stage) => saysWhy(platform, stage)));
  // It is awaited below; a fault that shows before must not be a second, unhandled one.
  both_say.catch(() => {});
  while (performance.now() < until_ms) {
    places.push(...await sendToAll(platform, input));
    await assertWaits(platform, first);
    await sleep(LOOK_INTERVAL_MS);
  }
  await both_say;
  await assertWaits(platform, first);
  await outage.end(platform);
  await watch.caughtUp();
  await lettersOf(platform, TICK_STAGES, places);
  return 1;
}

export const SCENARIOS: readonly Scenario[] = [
  {
    name: "dead-letters-refused",
    fault: 7,
    inject: (scene) => withoutLetters(scene, REFUSED),
  },
  {
    name: "dead-letters-missing",
    fault: 7,
    inject: (scene) => withoutLetters(scene, MISSING),
  },
];
