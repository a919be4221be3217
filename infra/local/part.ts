/** A part of the stack: a server or a service that the supervisor keeps running. */
import type { Backoff } from "../../runtime/backoff.ts";

/** What a part is at. `given`: somebody else's server, which is used and not kept. */
export type PartState =
  | "starting"
  | "running"
  | "restarting"
  | "ended"
  | "stopping"
  | "stopped"
  | "given";

/** What the supervisor's /health says of a part. */
export interface PartStatus {
  name: string;
  state: PartState;
  /** Since when it has been in this state, ISO 8601. */
  since: string;
  /** How often it died and was started again. */
  restarts: number;
}

/** A part that is kept: started again when it dies. */
export interface Part {
  status(): PartStatus;
  /** Stops it in order, and ends the keeping. */
  stop(): Promise<void>;
}

/** Waits before a part that died is started again. */
export const RESTART_BACKOFF: Backoff = { initial_ms: 250, max_ms: 30_000 };

/** A part that has run for so long is well again: its next restart waits as its first did. */
export const WELL_AFTER_MS = 60_000;

/** Keeps a part's state and since when it has it. */
export function createStatus(name: string): PartStatus & { become(state: PartState): void } {
  return {
    name,
    state: "starting",
    since: new Date().toISOString(),
    restarts: 0,
    become(state) {
      this.state = state;
      this.since = new Date().toISOString();
    },
  };
}

/** The status alone, for /health. */
export function plainStatus({ name, state, since, restarts }: PartStatus): PartStatus {
  return { name, state, since, restarts };
}
