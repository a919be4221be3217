/**
 * The service level objectives, how fast their budgets burn, and the alerts on that: several windows
 * and burn rates, after Google's SRE workbook, chapter 5 ("Alerting on SLOs").
 */
import { METRICS as LAG } from "../services/lag/metrics.ts";
import { METRICS as PRODUCER } from "../services/producer/metrics.ts";
import { METRICS as SINK } from "../services/sink/metrics.ts";
import type { Alert, RecordingRule } from "./board.ts";
import { alertScope, rate, type Scope, series } from "./query.ts";

/** An objective: which share of the ticks must be good. */
interface Objective {
  /** In the names of recorded rules. */
  metric: string;
  alert: string;
  /** What happens to the ticks that are not good. */
  what: string;
  target: number;
  /** The share of bad ticks over a window. */
  bad: (scope: Scope) => string;
}

const accepted = (scope: Scope): string =>
  `sum(${rate(PRODUCER.sent, scope, 'service="producer"', 'to="ticks"')})`;

export const OBJECTIVES: readonly Objective[] = [
  {
    metric: "ticks_stale",
    alert: "Freshness",
    what: "are not rows within a second of their ingest",
    target: 0.99,
    // Against what was accepted and not what was stored: where nothing is stored, or no sink is there
    // to say so, all is stale.
    bad: (scope) =>
      `clamp_min(1 - sum(${rate(SINK.fresh_rows, scope)}) / (${accepted(scope)} > 0), 0) ` +
      `or (${accepted(scope)} > 0) * 0 + 1`,
  },
  {
    metric: "ticks_lost",
    alert: "Loss",
    what: "were deleted by retention before they were rows",
    target: 0.9999,
    // As the lag service sees it from outside, while the sink is away too: the sink's own count comes
    // in one step with its start, which is no increase of anything.
    bad: (scope) =>
      `sum(max_over_time(${
        series(LAG.trimmed_records, scope, 'group="sink"')
      }[${scope.window}])) / ` +
      `(sum(increase(${
        series(PRODUCER.sent, scope, 'service="producer"', 'to="ticks"')
      }[${scope.window}])) > 0)`,
  },
];

const WINDOWS = ["5m", "30m", "1h", "2h", "6h", "1d", "3d"] as const;
type Window = typeof WINDOWS[number];

/** The name of a recorded share of bad ticks. */
export function recordName({ metric }: Pick<Objective, "metric">, window: Window): string {
  return `tapeline:${metric}:ratio_rate${window}`;
}

export const OBJECTIVE_RECORDS: readonly RecordingRule[] = OBJECTIVES.flatMap((objective) =>
  WINDOWS.map((window) => ({
    name: recordName(objective, window),
    expression: objective.bad(alertScope(window)),
  }))
);

/** A burn rate that must hold over a long window, and still over a short one. */
interface Burn {
  rate: number;
  long: Window;
  short: Window;
}

/** 2 % of a month's budget in an hour, 5 % in six: somebody is woken. */
const FAST: readonly Burn[] = [
  { rate: 14.4, long: "1h", short: "5m" },
  { rate: 6, long: "6h", short: "30m" },
];
/** 10 % of it in one day, or in three: somebody looks at it tomorrow. */
const SLOW: readonly Burn[] = [
  { rate: 3, long: "1d", short: "2h" },
  { rate: 1, long: "3d", short: "6h" },
];
/** How often they are asked: windows of days need not be read anew with each scrape. */
export const OBJECTIVES_INTERVAL_S = 30;
/** Half an hour of evaluations: in a stack that has just begun an hour's share says nothing. */
const KNOWN_SAMPLES = 1_800 / OBJECTIVES_INTERVAL_S;

function burns(objective: Objective, rates: readonly Burn[]): string {
  const budget = 1 - objective.target;
  const known = `count_over_time(${recordName(objective, "5m")}[1h]) >= ${KNOWN_SAMPLES}`;
  const any = rates.map(({ rate, long, short }) => {
    const above = Number((rate * budget).toPrecision(6));
    return `(${recordName(objective, long)} > ${above} and on () ` +
      `${recordName(objective, short)} > ${above})`;
  });
  return `(${any.join(" or ")}) and on () ${known}`;
}

function percent(share: number): string {
  return `${Number((share * 100).toPrecision(4))} %`;
}

export const OBJECTIVE_ALERTS: readonly Alert[] = OBJECTIVES.flatMap((objective): Alert[] => {
  const { alert, what, target } = objective;
  const description = `{{ $value | humanizePercentage }} of the ticks ${what}; the objective ` +
    `allows ${percent(1 - target)}. `;
  return [
    {
      name: `${alert}BudgetBurnsFast`,
      severity: "page",
      expression: burns(objective, FAST),
      for_s: 0,
      promised_s: 3_600,
      summary: `{{ $value | humanizePercentage }} of the ticks ${what}`,
      description: description + "At this rate the month's budget is gone within days.",
    },
    {
      name: `${alert}BudgetBurnsSlowly`,
      severity: "ticket",
      expression: burns(objective, SLOW),
      for_s: 0,
      promised_s: 86_400,
      summary: `{{ $value | humanizePercentage }} of the ticks ${what}`,
      description: description + "At this rate the month's budget is gone before its end.",
    },
  ];
});
