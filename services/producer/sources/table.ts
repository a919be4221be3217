/** The sources there are: one line each. */
import type { SourceName } from "../config.ts";
import { openFinnhub } from "./finnhub.ts";
import { openHttp } from "./http.ts";
import { openReplay } from "./replay.ts";
import { openSimulator } from "./simulator.ts";
import type { OpenSource } from "./source.ts";

export const SOURCES: { readonly [name in SourceName]: OpenSource } = {
  simulator: openSimulator,
  replay: openReplay,
  finnhub: openFinnhub,
  http: openHttp,
};
