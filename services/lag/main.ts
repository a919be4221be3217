/** The lag service: how far every consumer group is behind, watched from outside. */
import { WATCHERS } from "../../contract/pipeline.ts";
import { sleep } from "../../runtime/backoff.ts";
import { createKafka } from "../../runtime/kafka.ts";
import { openOffsetLookup, type TopicPartition } from "../../runtime/kafka_offsets.ts";
import { openReader } from "../../runtime/kafka_reader.ts";
import { errorFields } from "../../runtime/log.ts";
import { runService } from "../../runtime/service.ts";
import { SETTINGS } from "./config.ts";
import { createUnreadFinder } from "./first_unread.ts";
import { findGroups } from "./groups.ts";
import { lookAt } from "./look.ts";
import { METRICS } from "./metrics.ts";
import { createLagView } from "./show.ts";

const { name } = WATCHERS[0];
/** Each look asks anew anyhow. */
const ADMIN_RETRIES = 5;
/** Places whose faults are remembered, so that each is said once. */
const TOLD_MAX = 1_000;
/** How long a stop waits for a look that is under way. */
const STOP_WAIT_MS = 500;
/** One record is enough; Kafka gives a whole batch at the least. */
const FETCH_BYTES_MAX = 16_384;

await runService({
  name,
  settings: SETTINGS,
  metrics: METRICS,
  async start({ config, log, metrics, stopping }) {
    const kafka_options = {
      bootstrap_servers: config.kafka_bootstrap_servers,
      client_id: name,
      log,
    };
    const admin = createKafka(kafka_options).admin({ retry: { retries: ADMIN_RETRIES } });
    await admin.connect();
    const reader = await openReader(kafka_options, FETCH_BYTES_MAX);
    const lookup = await openOffsetLookup(kafka_options);
    const now = Date.now;
    const finder = createUnreadFinder(reader, lookup, now);
    const view = createLagView(metrics);
    let fault: string | null = "no look has been taken yet";
    let left_out_before = 0;
    /** The last fault of each partition or group, which is said once. */
    const told = new Map<string, string>();
    // Nothing is known from now on, and not since 1970.
    metrics.looked_at.set(now() / 1000);

    const tellOnce = (kind: "partition" | "group", place: string, error: unknown): void => {
      metrics.errors.inc({ kind });
      const { message } = error as Error;
      if (told.get(place) === message) return;
      if (told.size >= TOLD_MAX) told.clear();
      told.set(place, message);
      log.warn(`the lag of a ${kind} can't be told`, { [kind]: place, ...errorFields(error) });
    };
    const onFault = (error: unknown, { topic, partition }: TopicPartition): void =>
      tellOnce("partition", `${topic}/${partition}`, error);

    async function look(): Promise<void> {
      const started_at_ms = performance.now();
      const { groups, left_out } = await findGroups(
        admin,
        config.groups_max,
        (error, group) => tellOnce("group", group, error),
      );
      view.show(await lookAt({ lookup, finder, now, onFault }, groups), now());
      metrics.look_duration.observe((performance.now() - started_at_ms) / 1000);
      if (left_out > 0 && left_out !== left_out_before) {
        metrics.errors.inc({ kind: "groups_left_out" });
        log.warn("there are more consumer groups than are shown: raise TAPELINE_LAG_GROUPS_MAX", {
          event: "groups_left_out",
          left_out,
        });
      }
      left_out_before = left_out;
    }

    async function watch(): Promise<void> {
      while (!stopping.aborted) {
        const started_at_ms = performance.now();
        try {
          await look();
          fault = null;
        } catch (error) {
          view.clear();
          metrics.errors.inc({ kind: "look" });
          const { message } = error as Error;
          if (fault !== message) log.warn("a look has failed; trying again", errorFields(error));
          fault = message;
        }
        const elapsed_ms = performance.now() - started_at_ms;
        await sleep(Math.max(0, config.interval_ms - elapsed_ms), stopping);
      }
    }

    const watching = watch();
    return {
      readiness: () => ({ ready: fault === null, reasons: fault === null ? [] : [fault] }),
      async stop() {
        await Promise.race([watching, sleep(STOP_WAIT_MS)]);
        await Promise.all([reader.close(), lookup.close(), admin.disconnect()]);
      },
    };
  },
});
