import { deepStrictEqual, ok } from "node:assert/strict";
import { PIPELINE } from "../../contract/pipeline.ts";
import { type MetricTable, STAGE_METRICS } from "../../runtime/metric_table.ts";
import { SERVICE_SETTINGS } from "../../runtime/settings.ts";
import { pipelineFaults } from "./pipeline.ts";
import { sourceFiles } from "./source_files.ts";

Deno.test("every stage has its parts under its own name", () => {
  deepStrictEqual(pipelineFaults(PIPELINE, sourceFiles()), []);
});

Deno.test("a stage without its parts, and a folder without a stage, are found", () => {
  const stage = { name: "x", reads: [], writes: [], tables: [] };
  deepStrictEqual(
    pipelineFaults([stage], ["services/x/main.ts", "services/x/config.ts", "services/y/main.ts"]),
    [
      "stage x of contract/pipeline.ts has no services/x/metrics.ts",
      "services/y is no stage of contract/pipeline.ts",
    ],
  );
});

for (const { name } of PIPELINE) {
  Deno.test(`${name} has the settings and the metrics that every service has`, async () => {
    const { SETTINGS } = await import(`../../services/${name}/config.ts`);
    const { METRICS } = await import(`../../services/${name}/metrics.ts`);
    for (const setting of Object.keys(SERVICE_SETTINGS)) {
      ok(setting in SETTINGS, `${name}'s SETTINGS lack ${setting}`);
    }
    for (const [metric, row] of Object.entries(STAGE_METRICS)) {
      deepStrictEqual((METRICS as MetricTable)[metric], row, `${name}'s METRICS lack ${metric}`);
    }
  });
}
