/**
 * Beside the faults: a consumer whose fetches are never answered any more, while Kafka
 * answers everything else. It finds that out, ends itself, and is started anew.
 */
import type { StageName } from "../../../contract/pipeline.ts";
import { sleep, withDeadline } from "../../../runtime/backoff.ts";
import { API } from "../kafka_proxy.ts";
import type { Scenario, Scene } from "../scenario.ts";

const STUCK_AFTER_MS = 3_000;
const END_DEADLINE_MS = 30_000;

/** Leaves the fetches of a stage's running consumer unanswered until its process has ended. */
async function silenceFetches({ platform, watch }: Scene, stage: StageName): Promise<void> {
  const [instance] = platform.fleet.of(stage);
  const { frames } = platform.servers;
  const process = instance!.process();
  const restarts = instance!.restarts();
  // The stage's reader, which has another client id, is answered: Kafka is there.
  frames.decideBy(({ client_id, api_key, direction }) =>
    client_id === stage && api_key === API.fetch && direction === "reply" ? "swallow" : "pass"
  );
  instance!.expectEnd();
  const code = await withDeadline(process.over, END_DEADLINE_MS, `Waiting for a stuck ${stage}`);
  frames.decideBy(null);
  if (code !== 1) throw new Error(`The stuck ${stage} ended with ${code}, not with 1`);
  const told = process.lines.filter(({ event }) => event === "stuck");
  if (told.length !== 1 || !/-(ticks|candles)\/\d+$/.test(String(told[0]!.place))) {
    throw new Error(`The stuck ${stage} said ${JSON.stringify(told)}`);
  }
  while (instance!.restarts() === restarts) await sleep(20);
  await watch.moves(1, END_DEADLINE_MS);
}

export const SCENARIOS: readonly Scenario[] = (["aggregator", "sink"] as const).map((stage) => ({
  name: `${stage}-stuck`,
  fault: 4,
  environment: {
    TAPELINE_STUCK_AFTER_MS: String(STUCK_AFTER_MS),
    // The sink's patience is that of its transactions at least.
    TAPELINE_SINK_STATEMENT_TIMEOUT_MS: "1000",
  },
  async inject(scene) {
    await silenceFetches(scene, stage);
    return 1;
  },
}));
