/** The supervisor's own operations server: what is kept, and how it is. */
import { Hono } from "hono";
import type { PartStatus } from "./part.ts";

/** What the supervisor tells of the stack. */
export interface StackHealth {
  parts: PartStatus[];
  /** Reasons of services that are not ready, a sentence each. */
  missing: string[];
}

/**
 * The routes: /health names each part with its state, since when, and how often it was restarted;
 * /ready answers 503 while a part does not run or a service is not ready.
 *
 * @param health Looks at the stack.
 */
export function supervisorApp(health: () => Promise<StackHealth>): Hono {
  const app = new Hono();
  app.get("/health", async (context) => {
    const { parts } = await health();
    return context.json({ alive: true, parts });
  });
  app.get("/ready", async (context) => {
    const { parts, missing } = await health();
    const reasons = [
      ...parts.filter(({ state }) => state !== "running" && state !== "given" && state !== "ended")
        .map(({ name, state }) => `${name} is ${state}`),
      ...missing,
    ];
    return context.json({ ready: reasons.length === 0, reasons }, reasons.length === 0 ? 200 : 503);
  });
  return app;
}
