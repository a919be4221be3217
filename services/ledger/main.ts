/** The ledger service: audits each minute once all stages have passed it, and says what differs. */
import { WATCHERS } from "../../contract/pipeline.ts";
import { sleep } from "../../runtime/backoff.ts";
import { errorFields } from "../../runtime/log.ts";
import { runService } from "../../runtime/service.ts";
import { audit } from "../../infra/ledger/audit.ts";
import { differenceText } from "../../infra/ledger/summary.ts";
import { SETTINGS } from "./config.ts";
import { METRICS } from "./metrics.ts";
import { firstMinute, judgedBy, pauseBefore } from "./span.ts";

const { name } = WATCHERS[1];
/** How long a stop waits for an audit that is under way. */
const STOP_WAIT_MS = 500;
const RETRY_MS = 5_000;

await runService({
  name,
  settings: SETTINGS,
  metrics: METRICS,
  start({ config, log, metrics, stopping }) {
    const options = {
      ...config,
      leaves_room: true,
      kafka: { bootstrap_servers: config.kafka_bootstrap_servers, client_id: name, log },
    };
    let from_minute = firstMinute(Date.now(), config.look_back_minutes);
    // The first audit may take long where there is much to read, which is no fault.
    let fault: string | null = null;
    let told = "";
    // Nothing is known from now on, and not since 1970.
    metrics.audited_at.set(Date.now() / 1_000);
    metrics.judged_to.set(Date.now() / 1_000);
    metrics.judged.inc(0);

    async function look(): Promise<void> {
      const started_at_ms = performance.now();
      const audited_at_ms = Date.now();
      const report = await audit({ ...options, from_minute });
      metrics.audit_duration.observe((performance.now() - started_at_ms) / 1_000);
      metrics.audited_at.set(Date.now() / 1_000);
      metrics.differences.set(report.differences.length);
      const texts = report.differences.map(differenceText);
      if (texts.length > 0 && texts[0] !== told) {
        log.error("the ledger does not balance", {
          event: "ledger_differs",
          differences: texts.length,
          first: texts[0],
        });
      }
      told = texts[0] ?? "";
      const earliest_minute = firstMinute(Date.now(), config.look_back_minutes);
      const judged = judgedBy(report, from_minute, earliest_minute, audited_at_ms);
      from_minute = judged.next_minute;
      metrics.judged.inc(judged.ticks);
      metrics.judged_to.set(from_minute / 1_000);
    }

    async function watch(): Promise<void> {
      while (!stopping.aborted) {
        const started_at_ms = performance.now();
        try {
          await look();
          fault = null;
        } catch (error) {
          metrics.errors.inc({ kind: "audit" });
          const { message } = error as Error;
          if (fault !== message) log.warn("an audit has failed; trying again", errorFields(error));
          fault = message;
        }
        const elapsed_ms = performance.now() - started_at_ms;
        const pause_ms = fault === null
          ? pauseBefore(from_minute, Date.now(), config.interval_ms - elapsed_ms)
          : RETRY_MS;
        // Where much has to be read again and again, half of the time is for the others.
        await sleep(Math.max(elapsed_ms, pause_ms), stopping);
      }
    }

    const watching = watch();
    return Promise.resolve({
      readiness: () => ({ ready: fault === null, reasons: fault === null ? [] : [fault] }),
      async stop() {
        await Promise.race([watching, sleep(STOP_WAIT_MS)]);
      },
    });
  },
});
