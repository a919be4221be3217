import assert from "node:assert/strict";
import { environmentFaults, netAddresses, serviceCommand } from "./service_command.ts";

const ENVIRONMENT = {
  KAFKA_BOOTSTRAP_SERVERS: "127.0.0.1:9092",
  DATABASE_URL: "postgres://user:geheim@127.0.0.1:5433/tapeline",
  TAPELINE_SINK_BATCH_ROWS: "10",
  HOME: "/home/someone",
  AWS_SECRET_ACCESS_KEY: "not for us",
};

function permission(command: readonly string[], kind: string): string[] {
  const flags = command.filter((flag) => flag.startsWith(`--allow-${kind}`));
  assert.ok(flags.length <= 1);
  return flags[0]?.slice(`--allow-${kind}=`.length).split(",") ?? [];
}

Deno.test("a service may reach its servers and listen, read what it reads, and nothing else", () => {
  const { command } = serviceCommand("sink", ENVIRONMENT, ["10.0.0.7:9092"]);
  assert.deepEqual(permission(command, "net").sort(), [
    "10.0.0.7:9092",
    "127.0.0.1:0",
    "127.0.0.1:5433",
    "127.0.0.1:9092",
  ]);
  assert.equal(permission(command, "read").length, 1);
  assert.match(permission(command, "read")[0]!, /infra\/postgres\/migrations$/);
  for (const kind of ["all", "write", "run", "ffi", "sys", "import"]) {
    assert.deepEqual(permission(command, kind), [], kind);
  }
  assert.ok(command.includes("--no-prompt"));
  assert.ok(!command.join(" ").includes("geheim"), "The command line is for everybody to see");
});

Deno.test("with tracing the SDK may list the environment, which still holds nothing else", () => {
  const traced = { ...ENVIRONMENT, TAPELINE_TRACE_ENDPOINT: "http://127.0.0.1:4318" };
  const { command, env } = serviceCommand("aggregator", traced, []);
  assert.ok(command.includes("--allow-env"));
  assert.ok(permission(command, "net").includes("127.0.0.1:4318"));
  assert.equal(env.AWS_SECRET_ACCESS_KEY, undefined);
});

Deno.test("a service is given its own variables and no others", () => {
  const { env } = serviceCommand("aggregator", ENVIRONMENT, []);
  assert.deepEqual(env, {
    NO_COLOR: "1",
    KAFKA_BOOTSTRAP_SERVERS: "127.0.0.1:9092",
    HOME: "/home/someone",
  });
});

Deno.test("what a configuration has no use for is not allowed", () => {
  const producer = (more: { [variable: string]: string }): string[] =>
    serviceCommand("producer", { ...ENVIRONMENT, ...more }, []).command;
  const replay = { TAPELINE_SOURCE: "replay", TAPELINE_REPLAY_FILE: "/data/x.csv" };
  assert.deepEqual(permission(producer({}), "net"), ["127.0.0.1:0", "127.0.0.1:9092"]);
  assert.deepEqual(permission(producer({}), "read"), []);
  assert.deepEqual(permission(producer(replay), "read"), ["/data/x.csv"]);
  assert.ok(
    permission(producer({ TAPELINE_SOURCE: "finnhub", FINNHUB_API_KEY: "k" }), "net")
      .includes("ws.finnhub.io:443"),
  );
  assert.throws(
    () => producer({ ...replay, TAPELINE_REPLAY_FILE: "/data/a,b.csv" }),
    /holds a comma/,
  );
});

Deno.test("addresses are a URL's, a host's with its port, and Kafka's, each once", () => {
  assert.deepEqual(
    netAddresses({
      trace_endpoint: new URL("http://collector/v1"),
      database_url: new URL("postgres://db/x"),
      http_host: "::1",
      http_port: 8080,
      kafka_bootstrap_servers: ["a:1", "b:2", "a:1"],
      log_level: "info",
    }),
    ["collector:80", "db:5432", "[::1]:8080", "a:1", "b:2"],
  );
});

Deno.test("all faults of all services are told at once, those they share only once", () => {
  const faults = environmentFaults({
    LOG_LEVEL: "loud",
    TAPELINE_SINK_BATCH_ROW: "5",
    TAPELINE_SOURCE: "replay",
    PRICE_VOLATILITY: "much",
  });
  assert.equal(faults.length, 3, faults.join("\n"));
  assert.match(faults[0]!, /TAPELINE_SINK_BATCH_ROW .*TAPELINE_SINK_BATCH_ROWS/);
  assert.match(environmentFaults({ TAPELINE_SOURCE: "replay" })[0]!, /TAPELINE_REPLAY_FILE/);
  assert.deepEqual(environmentFaults(ENVIRONMENT), []);
});
