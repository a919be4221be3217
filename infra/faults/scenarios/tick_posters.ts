/** Callers of the producer's HTTP door, each of which posts ticks one request after the other. */
import { sleep, withDeadline } from "../../../runtime/backoff.ts";

/** Callers at work. */
export interface Poster {
  /** Posts that wait for their answers. */
  underWay(): number;
  /** Resolves when so many more posts have been answered. */
  answered(count: number): Promise<void>;
  /** Resolves when the last post is answered. */
  stop(): Promise<void>;
  /** Trade ids of what was answered by 202, and of all else. */
  outcome(): { accepted: string[]; unknown: string[] };
}

const TICKS_A_POST = 3;
const PAUSE_MS = 20;
/** Longer than the door waits for Kafka. */
const ANSWER_DEADLINE_MS = 40_000;
const ACCEPTED = 202;

/**
 * Starts callers.
 *
 * @param url The door's.
 * @param count How many: each has a symbol of its own.
 */
export function startPosters(url: string, count: number): Poster {
  const stopping = new AbortController();
  const accepted: string[] = [];
  const unknown: string[] = [];
  let under_way = 0;
  let answers = 0;

  async function post(body: string): Promise<boolean> {
    under_way++;
    try {
      const response = await fetch(`${url}/ticks`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body,
        signal: AbortSignal.timeout(ANSWER_DEADLINE_MS),
      });
      await response.body?.cancel();
      return response.status === ACCEPTED;
    } catch {
      // Whether it was taken is not known.
      return false;
    } finally {
      under_way--;
      answers++;
    }
  }

  async function call(caller: number): Promise<void> {
    for (let number = 0; !stopping.signal.aborted; number++) {
      const timestamp = Date.now();
      const ids = Array.from({ length: TICKS_A_POST }, (_, at) => `${caller}/${number}/${at}`);
      const ticks = ids.map((trade_id) => ({
        symbol: `H${caller}`,
        price: 100 + caller,
        volume: 1,
        timestamp,
        trade_id,
      }));
      const is_accepted = await post(JSON.stringify(ticks));
      (is_accepted ? accepted : unknown).push(...ids);
      await sleep(PAUSE_MS, stopping.signal);
    }
  }

  const calling = Promise.all(Array.from({ length: count }, (_, caller) => call(caller)));
  return {
    underWay: () => under_way,
    async answered(more) {
      const goal = answers + more;
      const reached = async (): Promise<void> => {
        while (answers < goal) await sleep(PAUSE_MS);
      };
      await withDeadline(reached(), ANSWER_DEADLINE_MS, "Waiting for posts to be answered");
    },
    async stop() {
      stopping.abort();
      await calling;
    },
    outcome: () => ({ accepted, unknown }),
  };
}
