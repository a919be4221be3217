import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { ROOT } from "../conformance/source_files.ts";
import { readCompose } from "../container/compose_model.ts";
import { findGoTool } from "../local/go_tool.ts";
import { withTestDirectory } from "../local/test_servers.ts";
import { K6 } from "./k6.ts";

const SECRET = "secret";

/** The services of docker-compose.yml, with every secret filled in. */
async function services() {
  const text = await Deno.readTextFile(`${ROOT}docker-compose.yml`);
  const required = [...text.matchAll(/\$\{(\w+):\?/g)].map(([, name]) => [name!, SECRET]);
  const reading = await readCompose(Object.fromEntries(required));
  if ("fault" in reading) throw new Error(reading.fault);
  return reading.model.services;
}

Deno.test("compose's k6 is of our release and sends to a Prometheus that takes it", async () => {
  const { k6, prometheus } = await services();
  const module = await Deno.readTextFile(`${ROOT}infra/tools/k6/go.mod`);
  strictEqual(k6!.image, `grafana/k6:${/go\.k6\.io\/k6 v([\d.]+)/.exec(module)![1]}`);
  deepStrictEqual(k6!.profiles, ["load"]);
  ok(k6!.command!.includes("--out=experimental-prometheus-rw"));
  ok(prometheus!.command!.includes("--web.enable-remote-write-receiver"));
});

Deno.test("compose's k6 can load its script from what is mounted, with what it is told", async () => {
  const { k6 } = await services();
  const program = await findGoTool(K6, () => {}, new AbortController().signal);
  await withTestDirectory(async (directory) => {
    for (const { source, target } of k6!.volumes!) {
      const place = `${directory}${target}`;
      await Deno.mkdir(place.slice(0, place.lastIndexOf("/")), { recursive: true });
      const { success } = await new Deno.Command("cp", { args: ["-r", source, place] }).output();
      ok(success, source);
    }
    const script = `${directory}${k6!.command!.at(-1)}`;
    const inspect = async (environment: { [variable: string]: string | null }) => {
      const told = Object.entries(environment).map(([name, value]) => `--env=${name}=${value}`);
      const { success, stdout, stderr } = await new Deno.Command(program, {
        args: ["inspect", ...told, script],
        signal: AbortSignal.timeout(30_000),
      }).output();
      const decoder = new TextDecoder();
      return { success, text: decoder.decode(stdout) + decoder.decode(stderr) };
    };
    const { success, text } = await inspect(k6!.environment!);
    ok(success, text);
    match(text, /"http_req_duration\{asked:door\}"/);
    const { DOOR_URL: _, ...without } = k6!.environment!;
    match((await inspect(without)).text, /DOOR_URL is not set/);
  });
});
