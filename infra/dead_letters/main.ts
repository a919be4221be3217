/** `deno task dead-letters`: lists dead letters, and replays them after a fix. */
import { parseArgs } from "node:util";
import { integer, readConfig } from "../../runtime/config.ts";
import { KAFKA_SETTINGS } from "../../runtime/settings.ts";
import { findServers } from "../find_servers.ts";
import { printable } from "../printable.ts";
import { printLine, runTool, toolLog } from "../tool.ts";
import { type LetterFilter, type LetterSource, newestLetters, readLetters } from "./letters.ts";
import { letterJson, letterTable, whereText } from "./list.ts";
import { replayLetters, type ReplayResult } from "./replay.ts";

const USAGE = `deno task dead-letters [list] [filters] [--limit N] [--json]
deno task dead-letters replay [filters | --all] [--value JSON] [--again] [--dry-run]

list shows what was refused, where, why, and the head of its value; the newest last.
replay sends letters back into the tick topic: to the stage that had refused them, or, where a door
had, to all stages. A letter is replayed once.

Filters:
  --stage S      producer, aggregator or sink
  --reason R     as in the table: late, not_json, price_invalid, ...
  --offset N     this one letter, by its offset in the dead-letter topic

  --limit N      list: show the newest N (50)
  --json         list: a line of JSON each, with the whole value
  --all          replay: every letter there is
  --value JSON   replay: this tick in place of the letter's bytes; needs --offset
  --again        replay: also what has been replayed before
  --dry-run      replay: say what would be done, and send nothing
  --data-dir DIR of the running stack (.tapeline)
  --help         this

Exit code of replay: 0 every letter that fits is in the topic again, 1 some are not.`;

const FILTERS = {
  stage: { type: "string" },
  reason: { type: "string" },
  offset: { type: "string" },
  "data-dir": { type: "string", default: ".tapeline" },
  help: { type: "boolean", default: false },
} as const;

await runTool(1, async () => {
  // Without a verb, or with options only, it lists.
  const given = Deno.args[0] ?? "list";
  const [command, ...args] = given.startsWith("--")
    ? ["list", ...Deno.args]
    : [given, ...Deno.args.slice(1)];
  if (args.includes("--help")) {
    printLine(USAGE);
    return 0;
  }
  if (command === "list") return await list(args);
  if (command === "replay") return await replay(args);
  throw new Error(`There is no deno task dead-letters ${command}: it is list or replay (--help)`);
});

async function list(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      ...FILTERS,
      limit: { type: "string", default: "50" },
      json: { type: "boolean", default: false },
    },
  });
  const { source } = await letterSource(values["data-dir"], filterOf(values));
  const newest = await newestLetters(readLetters(source), limitOf(values.limit));
  if (values.json) { for (const letter of newest.letters) printLine(letterJson(letter)); }
  else printLine(letterTable(newest));
  return 0;
}

async function replay(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      ...FILTERS,
      all: { type: "boolean", default: false },
      value: { type: "string" },
      again: { type: "boolean", default: false },
      "dry-run": { type: "boolean", default: false },
    },
  });
  const filter = filterOf(values);
  const any = Object.keys(filter).length > 0;
  if (any === values.all) {
    throw new Error("Say which letters to replay: by --stage, --reason or --offset, or --all");
  }
  if (values.value !== undefined && filter.offset === undefined) {
    throw new Error("--value corrects one letter: name it by --offset");
  }
  const { source, config } = await letterSource(values["data-dir"], filter);
  const result = await replayLetters({
    ...source,
    tick_topic: config.tick_topic,
    compression: config.kafka_compression,
    corrected: values.value ?? null,
    again: values.again,
    dry_run: values["dry-run"],
  });
  for (const line of replayLines(result, values["dry-run"])) printLine(line);
  return result.not_replayed > 0 || result.replayed + result.already === 0 ? 1 : 0;
}

/** Says what was done. */
function replayLines(result: ReplayResult, dry_run: boolean): string[] {
  const { replayed, already, not_replayed, examples, by_partition } = result;
  if (replayed + already + not_replayed === 0) return ["There are no such dead letters"];
  const partitions = [...by_partition].sort(([left], [right]) => left - right)
    .map(([partition, letters]) => `partition ${partition}: ${letters}`).join(", ");
  const more = not_replayed - examples.length;
  return [
    ...examples.map(({ letter, refusal }) =>
      printable(
        `letter ${letter.offset} (${letter.stage} ${letter.reason}, ${whereText(letter)}) ` +
          `is not replayed: ${refusal}`,
      )
    ),
    ...(more > 0 ? [`… and ${more} more are not replayed`] : []),
    `${dry_run ? "would replay" : "replayed"} ${replayed}${partitions && ` (${partitions})`}, ` +
    `replayed before ${already}, not replayed ${not_replayed}`,
  ];
}

function filterOf(values: { stage?: string; reason?: string; offset?: string }): LetterFilter {
  const { stage, reason, offset } = values;
  if (offset !== undefined && !/^\d{1,19}$/.test(offset)) {
    throw new Error(`--offset must be a whole number: it is ${offset}`);
  }
  return {
    ...(stage === undefined ? {} : { stage }),
    ...(reason === undefined ? {} : { reason }),
    ...(offset === undefined ? {} : { offset: BigInt(offset).toString() }),
  };
}

function limitOf(given: string): number {
  try {
    return integer(1, 100_000)(given);
  } catch (error) {
    throw new Error(`--limit ${(error as Error).message}: it is ${given}`, { cause: error });
  }
}

async function letterSource(data_dir: string, filter: LetterFilter) {
  const environment = await findServers(data_dir, Deno.env.toObject(), ["kafka"]);
  const config = readConfig(KAFKA_SETTINGS, environment);
  const source: LetterSource = {
    kafka: {
      bootstrap_servers: config.kafka_bootstrap_servers,
      client_id: "dead-letters",
      log: toolLog("dead-letters"),
    },
    dead_letter_topic: config.dead_letter_topic,
    filter,
  };
  return { source, config };
}
