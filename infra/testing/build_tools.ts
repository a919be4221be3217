/** Builds every tool that tests use, before the first of them runs: a build takes all cores for minutes. */
import { PROMTOOL } from "../../dashboards/promtool.ts";
import { COMPOSE } from "../container/compose_model.ts";
import { TOXIPROXY } from "../faults/toxiproxy.ts";
import { K6 } from "../load/k6.ts";
import { buildGoTool, type GoTool } from "../local/go_tool.ts";
import { JAEGER } from "../local/jaeger_server.ts";
import { POSTGRES_EXPORTER } from "../local/postgres_exporter.ts";
import { ALERTMANAGER, PROMETHEUS } from "../local/prometheus_server.ts";

const TOOLS: readonly GoTool[] = [
  ...[TOXIPROXY, COMPOSE, ALERTMANAGER, PROMETHEUS, PROMTOOL, POSTGRES_EXPORTER, JAEGER, K6],
];

/**
 * Builds what is missing, one after the other. One that can't be built fails the tests that use it.
 *
 * @param tell Told what is being built, and what could not be.
 */
export async function buildTools(tell: (line: string) => void): Promise<void> {
  for (const tool of TOOLS) {
    try {
      await buildGoTool(tool, tell);
    } catch (error) {
      tell((error as Error).message);
    }
  }
}
