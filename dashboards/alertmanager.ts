/** Whom alerts go to, as Alertmanager's configuration. */
import { stringify } from "yaml";
import { FEED_HOURS, type FeedHours } from "./feed_hours.ts";

/** What differs from place to place. */
export interface AlertmanagerOptions {
  /** A file with the URL of a webhook, which may hold a secret; null sends alerts nowhere. */
  webhook_url_file: string | null;
  /** When a silent feed pages; null at all times. */
  feed_hours?: FeedHours | null | undefined;
}

const RECEIVER = "on-call";
const HOURS = "feed-hours";
/** What the sink and the ledger can't help while their database is away or full. */
const FOLLOWS_FROM_DATABASE = [
  ...["ServiceNotReady", "ServiceErrors", "SinkSlow", "LedgerUnknown"],
  ...["ConsumerBehind", "ConsumerFallsBehind", "ConsumerDead", "PartitionStuck"],
];
/** What a process that is gone brings about; a loss of records is told all the same. */
const FOLLOWS_FROM_ABSENCE = [
  ...["ServiceNotReady", "ServiceErrors", "RestartLoop"],
  ...["ConsumerBehind", "ConsumerFallsBehind", "ConsumerDead", "PartitionStuck"],
];
/**
 * What a broker that is gone brings about: everything but a loss of records, and processes that are
 * gone too, since ours outlive it.
 */
const FOLLOWS_FROM_BROKER = [
  ...FOLLOWS_FROM_ABSENCE,
  ...["FeedSilent", "SinkSlow", "TransactionsSlow", "LagUnknown", "LedgerUnknown"],
  "WatermarkStalled",
  ...["BrokerUnobserved", "KafkaControllerAbsent", "KafkaPartitionsOffline"],
];

const MAKES_TICKS_STALE = ["BrokerDown", "PostgresDown", "PostgresOutOfSpace", "SinkSlow"];
/** The same, of the sink's group alone. */
const MAKES_TICKS_STALE_OF_SINK = ["ConsumerBehind", "ConsumerDead", "PartitionStuck"];
const STALE = ['alertname =~ "FreshnessBudgetBurnsFast|FreshnessBudgetBurnsSlowly"'];

/**
 * The configuration: pages at once and again each hour, tickets gathered and once a day. One that
 * does not answer, the broker above all, silences what follows from that.
 *
 * @param options What differs from place to place.
 */
export function alertmanagerConfig(
  { webhook_url_file, feed_hours = FEED_HOURS }: AlertmanagerOptions,
): string {
  const webhooks = webhook_url_file === null
    ? {}
    : { webhook_configs: [{ url_file: webhook_url_file, send_resolved: true }] };
  return "# Written by `deno task dashboards`, or at a start.\n" + stringify({
    route: {
      receiver: RECEIVER,
      group_by: ["alertname", "service"],
      group_wait: "5s",
      group_interval: "15s",
      repeat_interval: "1h",
      routes: [
        ...feed_hours === null ? [] : [{
          matchers: ['alertname = "FeedSilent"'],
          receiver: RECEIVER,
          active_time_intervals: [HOURS],
        }],
        {
          matchers: ['severity = "ticket"'],
          receiver: RECEIVER,
          group_wait: "30s",
          repeat_interval: "24h",
        },
      ],
    },
    ...feed_hours === null ? {} : { time_intervals: [timeInterval(feed_hours)] },
    receivers: [{ name: RECEIVER, ...webhooks }],
    inhibit_rules: [
      {
        // There is one broker: all that is told of a service may follow from it.
        source_matchers: ['alertname = "BrokerDown"'],
        target_matchers: [`alertname =~ "${FOLLOWS_FROM_BROKER.join("|")}"`],
      },
      {
        // A process that is gone is not ready, meets errors, and consumes nothing.
        source_matchers: ['alertname = "TargetAbsent"'],
        target_matchers: [`alertname =~ "${FOLLOWS_FROM_ABSENCE.join("|")}"`],
        equal: ["service"],
      },
      {
        // Sink and ledger can't work with a database that is away or full; the others need none.
        source_matchers: ['alertname =~ "PostgresDown|PostgresOutOfSpace"'],
        target_matchers: [
          `alertname =~ "${FOLLOWS_FROM_DATABASE.join("|")}"`,
          'service =~ "sink|ledger"',
        ],
      },
      {
        // Ticks are stale for a cause that has paged already.
        source_matchers: [`alertname =~ "${MAKES_TICKS_STALE.join("|")}"`],
        target_matchers: STALE,
      },
      {
        // Another group that is behind has nothing to do with rows.
        source_matchers: [
          `alertname =~ "${MAKES_TICKS_STALE_OF_SINK.join("|")}"`,
          'group = "sink"',
        ],
        target_matchers: STALE,
      },
      {
        // A consumer that is dead is behind, and falls further behind.
        source_matchers: ['alertname = "ConsumerDead"'],
        target_matchers: ['alertname =~ "ConsumerBehind|ConsumerFallsBehind|PartitionStuck"'],
        equal: ["group"],
      },
      {
        // A group that is far behind pages once.
        source_matchers: ['alertname = "ConsumerBehind"'],
        target_matchers: ['alertname = "ConsumerFallsBehind"'],
        equal: ["group"],
      },
    ],
  }, { lineWidth: 0 });
}

/** Hours as Alertmanager's configuration names them. */
function timeInterval({ weekdays, start_time, end_time, location }: FeedHours): unknown {
  const times = [{ start_time, end_time }];
  return { name: HOURS, time_intervals: [{ weekdays: [weekdays], times, location }] };
}
