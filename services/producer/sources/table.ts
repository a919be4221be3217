/** The sources there are: one line each. */
import type { SourceName } from "../config.ts";
import { openReplay } from "./replay.ts";
import { openSimulator } from "./simulator.ts";
import type { OpenSource } from "./source.ts";

const openMissing: OpenSource = () => Promise.reject(new Error("This source is not built yet"));

export const SOURCES: { readonly [name in SourceName]: OpenSource } = {
  simulator: openSimulator,
  replay: openReplay,
  finnhub: openMissing,
  http: openMissing,
};
