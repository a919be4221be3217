import { deepStrictEqual, ok } from "node:assert/strict";
import { PIPELINE, SERVICE_NAMES } from "../../contract/pipeline.ts";
import { type MetricTable, STAGE_METRICS } from "../../runtime/metric_table.ts";
import { SERVICE_SETTINGS } from "../../runtime/settings.ts";
import { pipelineFaults } from "./pipeline.ts";
import { sourceFiles } from "./source_files.ts";

Deno.test("every service has its parts under its own name", () => {
  deepStrictEqual(pipelineFaults(SERVICE_NAMES, sourceFiles()), []);
});

Deno.test("a service without its parts, and a folder without a service, are found", () => {
  deepStrictEqual(
    pipelineFaults(["x"], ["services/x/main.ts", "services/x/config.ts", "services/y/main.ts"]),
    [
      "service x of contract/pipeline.ts has no services/x/metrics.ts",
      "service x of contract/pipeline.ts has no dashboards/x.ts",
      "services/y is no service of contract/pipeline.ts",
    ],
  );
});

for (const name of SERVICE_NAMES) {
  Deno.test(`${name} has the settings that every service has`, async () => {
    const { SETTINGS } = await import(`../../services/${name}/config.ts`);
    for (const setting of Object.keys(SERVICE_SETTINGS)) {
      ok(setting in SETTINGS, `${name}'s SETTINGS lack ${setting}`);
    }
  });
}

for (const { name } of PIPELINE) {
  Deno.test(`${name} has the metrics that every stage has`, async () => {
    const { METRICS } = await import(`../../services/${name}/metrics.ts`);
    for (const [metric, row] of Object.entries(STAGE_METRICS)) {
      // What a label may say is the service's own.
      const { values: _, ...told } = (METRICS as MetricTable)[metric] ?? { name: "nothing" };
      deepStrictEqual(told, row, `${name}'s METRICS lack ${metric}`);
    }
  });
}
