import { deepStrictEqual, throws } from "node:assert/strict";
import { ConfigError, readConfig } from "../../runtime/config.ts";
import { checkConfig, SETTINGS } from "./config.ts";

const read = (environment: { [variable: string]: string }): ReturnType<typeof readConfig> =>
  readConfig(SETTINGS, environment);

Deno.test("without a setting it is the simulator with five symbols", () => {
  const config = readConfig(SETTINGS, {});
  deepStrictEqual(config.sources, ["simulator"]);
  deepStrictEqual(config.symbols, ["AAPL", "GOOGL", "AMZN", "TSLA", "MSFT"]);
  checkConfig(config);
});

Deno.test("speeds are realtime, max or a factor", () => {
  const speed = (given: string): unknown => read({ TAPELINE_REPLAY_SPEED: given }).replay_speed;
  deepStrictEqual(["realtime", "max", "60", "0.5"].map(speed), [1, null, 60, 0.5]);
  for (const wrong of ["fast", "0", "-1", "NaN", "Infinity", "1x", " "]) {
    throws(() => speed(wrong), /must be realtime, max or a factor/);
  }
});

Deno.test("what is out of bounds is refused, all at once", () => {
  throws(() =>
    read({
      TAPELINE_SOURCE: "simulator,tape",
      TICK_INTERVAL: "0",
      STOCK_SYMBOLS: "A|B",
      TAPELINE_BATCH_BYTES: "2000000",
      TAPELINE_SIMULATOR_SEED: "-1",
      PRICE_VOLATILITY: "much",
    }), (error: Error) => error instanceof ConfigError && error.faults.length === 6);
});

for (
  const [environment, expected] of [
    [{ TAPELINE_SOURCE: "replay" }, /TAPELINE_REPLAY_FILE is not set/],
    [
      { TAPELINE_REPLAY_SAMPLE: "true", TAPELINE_REPLAY_AGAIN: "true" },
      /TAPELINE_REPLAY_AGAIN and TAPELINE_REPLAY_SAMPLE are both set/,
    ],
    [
      { TAPELINE_REPLAY_SAMPLE: "true", TAPELINE_REPLAY_SPEED: "max" },
      /TAPELINE_REPLAY_SPEED and TAPELINE_REPLAY_SAMPLE are both set/,
    ],
    [{ TAPELINE_SOURCE: "finnhub" }, /FINNHUB_API_KEY is not set/],
    [{ TAPELINE_SOURCE: "http", TAPELINE_HTTP_HOST: "0.0.0.0" }, /set TAPELINE_HTTP_TOKEN too/],
    [{ TAPELINE_SOURCE: "http", TAPELINE_HTTP_HOST: "127.0.0.1.nip.io" }, /is not loopback/],
  ] as [{ [variable: string]: string }, RegExp][]
) {
  Deno.test(`${JSON.stringify(environment)} alone is refused`, () => {
    throws(() => checkConfig(readConfig(SETTINGS, environment)), expected);
  });
}

Deno.test("a door for others needs a token, one on loopback none", () => {
  const http = { TAPELINE_SOURCE: "http" };
  checkConfig(readConfig(SETTINGS, { ...http, TAPELINE_HTTP_HOST: "::1" }));
  checkConfig(
    readConfig(SETTINGS, { ...http, TAPELINE_HTTP_HOST: "0.0.0.0", TAPELINE_HTTP_TOKEN: "t" }),
  );
});

Deno.test("secrets are marked as such", () => {
  const secrets = Object.values(SETTINGS).filter((row) => "secret" in row)
    .map((row) => row.variable);
  deepStrictEqual(secrets, ["FINNHUB_API_KEY", "TAPELINE_HTTP_TOKEN"]);
});
