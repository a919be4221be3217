import assert from "node:assert/strict";
import { parseOptions } from "./options.ts";
import { StartFault } from "./start_fault.ts";

Deno.test("options become the services' variables, with absolute paths", () => {
  const options = parseOptions([
    "--file=a.csv.gz",
    "--speed=max",
    "--again",
    "--until-drained",
    "--data-dir=d",
  ]);
  assert.deepEqual(options, {
    help: false,
    data_dir: `${Deno.cwd()}/d`,
    until_drained: true,
    variables: {
      TAPELINE_SOURCE: "replay",
      TAPELINE_REPLAY_FILE: `${Deno.cwd()}/a.csv.gz`,
      TAPELINE_REPLAY_SPEED: "max",
      TAPELINE_REPLAY_AGAIN: "true",
    },
  });
  assert.deepEqual(parseOptions([]).variables, {});
  assert.equal(parseOptions([]).data_dir, `${Deno.cwd()}/.tapeline`);
});

Deno.test("a source that the environment names counts where no option does", () => {
  const environment = { TAPELINE_SOURCE: "replay, http" };
  assert.equal(parseOptions(["--speed", "60"], environment).variables.TAPELINE_SOURCE, undefined);
  assert.throws(() => parseOptions(["--until-drained"], environment), /http has none/);
  const sample = { TAPELINE_SOURCE: "replay", TAPELINE_REPLAY_SAMPLE: "true" };
  assert.throws(() => parseOptions(["--until-drained"], sample), /a sample has none/);
  assert.equal(
    parseOptions(["--until-drained"], { TAPELINE_SOURCE: "replay" }).until_drained,
    true,
  );
});

Deno.test("options that make no sense are refused with the usage", () => {
  const cases: [string[], RegExp][] = [
    [["--sorce", "replay"], /'--sorce'/],
    [["replay"], /replay/],
    [["--file"], /--file/],
    [["--sample"], /--sample belongs to --source replay/],
    [["--source", "http", "--file", "x"], /--file belongs to --source replay/],
    [["--until-drained", "--source", "finnhub"], /finnhub has none/],
    [["--file", "x", "--until-drained", "--traces"], /--traces runs Jaeger to look at/],
    [["--file", "x", "--sample", "--until-drained"], /a sample has none/],
    [["--file", "x", "--sample", "--speed", "60"], /--speed belongs to a replay of the whole/],
    [["--file", "x", "--sample", "--again"], /--again belongs to a replay of the whole/],
  ];
  for (const [args, message] of cases) {
    assert.throws(
      () => parseOptions(args),
      (error) =>
        error instanceof StartFault && message.test(error.message) &&
        error.message.includes("deno task start [options]"),
      `${args}`,
    );
  }
});
