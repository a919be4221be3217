/** `deno task console`: prints ticks and candles as they pass, until Ctrl-C. */
import { parseArgs } from "node:util";
import { readConfig } from "../../runtime/config.ts";
import { KAFKA_SETTINGS } from "../../runtime/settings.ts";
import { findServers } from "../find_servers.ts";
import { printLine, runTool, toolLog, warnLine } from "../tool.ts";
import { follow } from "./follow.ts";
import { createLineLimit } from "./line_limit.ts";
import { createLineMaker } from "./lines.ts";

const USAGE = `deno task console [--symbol A,B] [--open-candles] [--from-beginning] [--data-dir DIR]

Prints ticks and finished candles as they pass. Ctrl-C ends it.

  --symbol A,B      only these
  --open-candles    candles that will still change too, each time that they do
  --from-beginning  what Kafka still holds first
  --data-dir DIR    of the running stack (.tapeline)
  --help            this

On a terminal, ticks are green when the price rose and red when it fell, and at most 500 lines are
shown in a second. Piped, it prints all of them, plain.`;

const LINES_PER_SECOND_MAX = 500;

await runTool(1, async () => {
  const { values } = parseArgs({
    options: {
      symbol: { type: "string", multiple: true },
      "open-candles": { type: "boolean", default: false },
      "from-beginning": { type: "boolean", default: false },
      "data-dir": { type: "string", default: ".tapeline" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    printLine(USAGE);
    return 0;
  }
  const environment = await findServers(values["data-dir"], Deno.env.toObject(), ["kafka"]);
  const config = readConfig(KAFKA_SETTINGS, environment);
  const symbols = values.symbol?.flatMap((list) => list.split(",")).map((name) => name.trim());
  const terminal = Deno.stdout.isTerminal();
  const lines = createLineMaker({
    symbols: symbols === undefined ? null : new Set(symbols),
    open_candles: values["open-candles"],
    colour: terminal && !Deno.noColor,
  });
  const limit = createLineLimit(terminal ? LINES_PER_SECOND_MAX : Infinity);
  const stopping = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(signal, () => stopping.abort());
  }
  const topics = [config.tick_topic, config.candle_topic];
  await follow({
    kafka: {
      bootstrap_servers: config.kafka_bootstrap_servers,
      client_id: "console",
      log: toolLog("console"),
    },
    topics,
    from_beginning: values["from-beginning"],
    stopping: stopping.signal,
    onStarted: () => warnLine(`Following ${topics.join(" and ")}; Ctrl-C ends it`),
    onRecords(topic, records) {
      const now_ms = Date.now();
      const make = topic === config.tick_topic ? lines.tick : lines.candle;
      const shown = records.flatMap((record) => {
        const line = make(record);
        return line === null ? [] : limit.admit(line, now_ms);
      });
      if (shown.length > 0) printLine(shown.join("\n"));
    },
    onTrouble: warnLine,
  });
  return 0;
});
