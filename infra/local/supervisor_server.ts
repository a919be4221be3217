/** The supervisor's own operations server: what is kept, and how it is. */
import { Hono } from "hono";
import { type DiskStatus, fullDiskText } from "./disk_room.ts";
import type { PartStatus } from "./part.ts";

/** What the supervisor tells of the stack. */
export interface StackHealth {
  parts: PartStatus[];
  /** What only watches: the pipeline is ready without it. */
  watchers: PartStatus[];
  /** Reasons of services that are not ready, a sentence each. */
  missing: string[];
  /** The disk that the data is on. */
  disk: DiskStatus;
}

/**
 * The routes: /health names each part with its state, since when, and how often it was restarted,
 * and the room on the disk; /ready answers 503 while a part does not run, a service is not ready or
 * the disk is full.
 *
 * @param health Looks at the stack.
 */
export function supervisorApp(health: () => Promise<StackHealth>): Hono {
  const app = new Hono();
  app.get("/health", async (context) => {
    const { parts, watchers, disk } = await health();
    return context.json({ alive: true, parts: [...parts, ...watchers], disk });
  });
  app.get("/ready", async (context) => {
    const { parts, missing, disk } = await health();
    const reasons = [
      ...[fullDiskText(disk)].filter((text) => text !== null),
      ...parts.filter(({ state }) => state !== "running" && state !== "given" && state !== "ended")
        .map(({ name, state }) => `${name} is ${state}`),
      ...missing,
    ];
    return context.json({ ready: reasons.length === 0, reasons }, reasons.length === 0 ? 200 : 503);
  });
  return app;
}
