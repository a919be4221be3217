/** Ports on the loopback interface. */
import { StartFault } from "./start_fault.ts";

export const LOOPBACK = "127.0.0.1";

/**
 * Ports that nobody listens on at this moment, all different.
 *
 * @param count How many.
 */
export function freePorts(count: number): number[] {
  const listeners = Array.from(
    { length: count },
    () => Deno.listen({ hostname: LOOPBACK, port: 0 }),
  );
  const ports = listeners.map((listener) => (listener.addr as Deno.NetAddr).port);
  for (const listener of listeners) listener.close();
  return ports;
}

/**
 * Makes sure that a port which was asked for by number can be had.
 *
 * @param port The port.
 * @param wanted_for What it is for, and the variable that set it.
 * @throws StartFault if somebody listens there.
 */
export function assertPortFree(port: number, wanted_for: string): void {
  try {
    Deno.listen({ hostname: LOOPBACK, port }).close();
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) throw portTaken(port, wanted_for);
    throw error;
  }
}

/** The fault of a port that somebody else has. */
export function portTaken(port: number, wanted_for: string): StartFault {
  return new StartFault(
    `Cannot listen on ${LOOPBACK}:${port} for ${wanted_for}: the port is taken. ` +
      `Set another, or none to have a free one chosen, or stop what listens there`,
  );
}
