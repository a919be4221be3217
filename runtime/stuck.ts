/**
 * Finds out that a consumer is stuck: records wait, nothing moves, and no trouble that is retried and
 * shown explains it. Nothing inside the process can mend what nobody knows, so it is to end and to
 * be started anew.
 */
import { sleep, withDeadline } from "./backoff.ts";
import type { Membership } from "./kafka_consumer.ts";
import { isEmptyBetween, type PartitionReader } from "./kafka_reader.ts";
import { errorFields, type Logger } from "./log.ts";

/** How far something has come, and how far it could. */
export interface Sight {
  /** Names it: `topic/partition`, or the group. */
  place: string;
  position: bigint;
  end: bigint;
}

/** Judges what is seen from time to time. */
export interface StuckJudge {
  /**
   * @param now_ms The time, of a clock that only goes forward.
   * @param sights Everything that should move.
   * @returns What has stood still for too long, as it was seen at the beginning of that time:
   *   whatever lies before its `end` has waited all the while.
   */
  judge(now_ms: number, sights: readonly Sight[]): Sight[];
  /** Forgets one place, or all: their time begins anew. */
  startAnew(place?: string): void;
}

/** What may wait for its turn behind others, which do move, is given so many times as long. */
const TURN_FACTOR = 5;

/**
 * Makes a judge.
 *
 * @param stuck_after_ms How long a place may stand still though something waits there.
 * @param gap_ms_max Where two looks are further apart, the process was frozen or could not look: that
 *   time says nothing.
 */
export function createStuckJudge(stuck_after_ms: number, gap_ms_max: number): StuckJudge {
  const standing = new Map<string, Sight & { since_ms: number }>();
  let looked_at_ms = -Infinity;
  let moved_at_ms = -Infinity;
  return {
    judge(now_ms, sights) {
      if (now_ms - looked_at_ms > gap_ms_max) standing.clear();
      looked_at_ms = now_ms;
      const places = new Set(sights.map(({ place }) => place));
      for (const place of standing.keys()) if (!places.has(place)) standing.delete(place);
      for (const sight of sights) {
        const before = standing.get(sight.place);
        if (before !== undefined && before.position !== sight.position) moved_at_ms = now_ms;
        if (before?.position === sight.position && before.end > before.position) continue;
        standing.set(sight.place, { ...sight, since_ms: now_ms });
      }
      const others_move = now_ms - moved_at_ms < stuck_after_ms;
      const patience_ms = stuck_after_ms * (others_move ? TURN_FACTOR : 1);
      return [...standing.values()].filter(({ position, end, since_ms }) =>
        end > position && now_ms - since_ms >= patience_ms
      );
    },
    startAnew(place) {
      if (place === undefined) standing.clear();
      else standing.delete(place);
    },
  };
}

/** What a watch is told. */
export interface StuckWatchOptions {
  stuck_after_ms: number;
  group: string;
  /** One of the topics that the group reads. */
  topic: string;
  reader: PartitionReader;
  membership(): Membership;
  /** Where the group goes on, as whoever keeps its positions has it, by `topic/partition`. */
  positions(): Promise<ReadonlyMap<string, bigint>>;
  /**
   * Whether something is known to keep it from moving: what is amiss, is retried and is shown in
   * /ready, or work that takes its time and whose every wait has a deadline of its own.
   */
  isTroubled(): boolean;
  log: Logger;
  stopping: AbortSignal;
  /** Called once, with what is stuck: the process is to end. */
  onStuck(error: Error): void;
}

/** Looks in the time after which a consumer is stuck. */
const LOOKS = 6;

/**
 * Watches a consumer until it is stuck or the service stops: each assigned partition, and that the
 * member gives signs of life, be it only that it joins anew. A look that fails (Kafka or the database
 * is away) says nothing, and the time begins anew.
 */
export async function watchForStuck(options: StuckWatchOptions): Promise<void> {
  const { stuck_after_ms, group, reader, log, stopping, membership } = options;
  const interval_ms = stuck_after_ms / LOOKS;
  const look_deadline_ms = 2 * interval_ms;
  const gap_ms_max = interval_ms + look_deadline_ms;
  const partitions = createStuckJudge(stuck_after_ms, gap_ms_max);
  // While it joins, nothing is heard of it until the others have joined too.
  const member = createStuckJudge(stuck_after_ms + membership().rebalance_timeout_ms, gap_ms_max);
  let joins = 0;

  function startAnew(): void {
    partitions.startAnew();
    member.startAnew();
  }

  async function seePartitions(): Promise<Sight[]> {
    const { is_in, assigned } = membership();
    if (!is_in) return [];
    const positions = await options.positions();
    return await Promise.all(assigned.map(async ({ topic, partition }) => {
      const place = `${topic}/${partition}`;
      const { earliest, last_stable } = await reader.ends(topic, partition);
      return { place, position: positions.get(place) ?? earliest, end: last_stable };
    }));
  }

  /** Whether a reader would get something there: a topic's end may be but markers of transactions. */
  async function recordsWait({ place, position, end }: Sight): Promise<boolean> {
    const at = place.lastIndexOf("/");
    const [topic, partition] = [place.slice(0, at), Number(place.slice(at + 1))];
    return !await isEmptyBetween(reader, topic, partition, position, end);
  }

  async function findStuck(): Promise<Sight | null> {
    const doing = `Looking how far group ${group} has come`;
    // Where Kafka does not answer this, the group can't be joined either.
    await withDeadline(reader.ends(options.topic, 0), look_deadline_ms, doing);
    const sights = await withDeadline(seePartitions(), look_deadline_ms, doing);
    if (options.isTroubled()) {
      startAnew();
      return null;
    }
    if (membership().joins !== joins) partitions.startAnew();
    joins = membership().joins;
    const now_ms = performance.now();
    const signs = BigInt(membership().signs);
    const seen: Sight = { place: `group ${group}`, position: signs, end: signs + 1n };
    const [silent] = member.judge(now_ms, [seen]);
    if (silent !== undefined) return silent;
    for (const suspect of partitions.judge(now_ms, sights)) {
      if (await withDeadline(recordsWait(suspect), look_deadline_ms, doing)) return suspect;
      partitions.startAnew(suspect.place);
    }
    return null;
  }

  for (;;) {
    await sleep(interval_ms, stopping);
    if (stopping.aborted) return;
    try {
      const stuck = await findStuck();
      if (stuck === null || stopping.aborted) continue;
      const { place, position, end } = stuck;
      const error = new Error(
        `The consumer is stuck: ${place} has stood at ${position} for ${stuck_after_ms} ms and ` +
          `more, though it could come to ${end} and no trouble is known. The process ends, to be ` +
          "started anew",
      );
      log.error(error.message, { event: "stuck", place, position, end });
      options.onStuck(error);
      return;
    } catch (error) {
      startAnew();
      log.debug("a look for a stuck consumer failed", errorFields(error));
    }
  }
}
