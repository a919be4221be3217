/** For tests: inputs that no door may take, and the reason that each is to be refused for. */
import type { DiscardReason } from "../../contract/tick.ts";

/** A bad tick as the text of its fields: JSON for HTTP and the feed, a row for a file. */
export interface BadInput {
  what: string;
  reason: DiscardReason;
  /** The fields of an otherwise good tick, as JSON text; absent ones are left out. */
  json?: { [name in "symbol" | "price" | "volume" | "timestamp"]?: string | undefined };
  /** The row `symbol,timestamp,price,volume,trade_id,price_forming`; absent: no row can be it. */
  row?: string | Uint8Array;
  /** A whole body or frame in place of an object with these fields. */
  body?: string | Uint8Array;
}

const NOW = 1_700_000_000_000;

const utf8 = new TextEncoder();

function withBytes(before: string, bytes: readonly number[], after: string): Uint8Array {
  return new Uint8Array([...utf8.encode(before), ...bytes, ...utf8.encode(after)]);
}

const field = (
  name: "symbol" | "price" | "volume" | "timestamp",
  what: string,
  json: string | undefined,
  text?: string,
): BadInput => ({
  what: `${name}: ${what}`,
  reason: `${name}_invalid`,
  json: { [name]: json },
  ...(text === undefined ? {} : { row: rowWith(name, text) }),
});

function rowWith(name: "symbol" | "price" | "volume" | "timestamp", text: string): string {
  const fields = { symbol: "BAD", timestamp: String(NOW), price: "1", volume: "1", [name]: text };
  return `${fields.symbol},${fields.timestamp},${fields.price},${fields.volume},,`;
}

/** Inputs that every door refuses. */
export const BAD_INPUTS: readonly BadInput[] = [
  field("symbol", "empty", '""', ""),
  field("symbol", "absent", undefined),
  field("symbol", "a number", "7"),
  field("symbol", "null", "null"),
  field("symbol", "an array", '["A"]'),
  field("symbol", "65 characters", `"${"S".repeat(65)}"`, "S".repeat(65)),
  field("symbol", "a megabyte", `"${"S".repeat(1_000_000)}"`, "S".repeat(1_000_000)),
  field("symbol", "a null byte", '"A\\u0000B"', "A\u0000B"),
  field("symbol", "a control character", '"A\\u0007"', "A\u0007"),
  field("symbol", "the key separator", '"A|B"', "A|B"),
  field("symbol", "an outer space", '" A"', " A"),
  field("symbol", "half a surrogate pair", '"A\\ud800"'),
  field("price", "absent", undefined, ""),
  field("price", "a string", '"1.5"'),
  field("price", "zero", "0", "0"),
  field("price", "negative", "-1", "-1"),
  field("price", "infinite", "1e999", "1e999"),
  field("price", "null", "null", "null"),
  field("price", "an object", '{"valueOf":1}'),
  field("price", "NaN", '"NaN"', "NaN"),
  field("price", "too large", "1e13", "1e13"),
  field("price", "a word", '"high"', "high"),
  field("price", "hexadecimal", '"0x10"', "0x10"),
  field("volume", "negative", "-0.1", "-0.1"),
  field("volume", "a string", '"100"'),
  field("volume", "absent", undefined, ""),
  field("volume", "true", "true", "true"),
  field("volume", "infinite", '"Infinity"', "Infinity"),
  field("timestamp", "absent", undefined, ""),
  field("timestamp", "a fraction", "1700000000000.5", "1700000000000.5"),
  field("timestamp", "2^63", "9223372036854775808", "9223372036854775808"),
  field("timestamp", "before 1900", "-9999999999999", "-9999999999999"),
  field("timestamp", "a date", '"2023-11-14"', "2023-11-14"),
  field("timestamp", "in nanoseconds", "1700000000000000000", "1700000000000000000"),
  {
    what: "far future",
    reason: "far_future",
    json: { timestamp: "9999999999999" },
    row: rowWith("timestamp", "9999999999999"),
  },
  { what: "truncated JSON", reason: "not_json", body: '{"symbol":"BAD","pri' },
  { what: "no JSON at all", reason: "not_json", body: "BAD,1,2,3" },
  { what: "NaN as JSON has none", reason: "not_json", json: { price: "NaN" } },
  {
    what: "invalid UTF-8",
    reason: "not_utf8",
    body: withBytes('{"symbol":"', [0xff, 0xfe], '"}'),
    row: withBytes("BAD", [0xff, 0xc0, 0x80], `,${NOW},1,1,,`),
  },
  { what: "a row cut short", reason: "line_malformed", row: `BAD,${NOW},1` },
  { what: "a row too long", reason: "line_malformed", row: `BAD,${NOW},1,1,,,,` },
  { what: "a quote that is not closed", reason: "line_malformed", row: `"BAD,${NOW},1,1,,` },
  { what: "a quote in the middle", reason: "line_malformed", row: `B"AD,${NOW},1,1,,` },
  {
    what: "a comma in quotes that shifts nothing",
    reason: "price_invalid",
    row: `"B,AD",${NOW},"1,5",1,,`,
  },
  {
    what: "an overlong line",
    reason: "too_large",
    row: `BAD,${NOW},1,1,${"x".repeat(1_200_000)},`,
  },
  {
    what: "trade_id too long",
    reason: "trade_id_invalid",
    row: `BAD,${NOW},1,1,${"x".repeat(129)},`,
  },
  { what: "price_forming maybe", reason: "price_forming_invalid", row: `BAD,${NOW},1,1,,maybe` },
];

/**
 * A bad input as a JSON object, its fields under other names where a feed has them so.
 *
 * @param bad The input.
 * @param names What the fields are called.
 */
export function badObject(
  bad: BadInput,
  names: { symbol: string; price: string; volume: string; timestamp: string },
): string {
  const fields: { [name: string]: string | undefined } = {
    symbol: '"BAD"',
    price: "1",
    volume: "1",
    timestamp: String(NOW),
    ...bad.json,
  };
  const members = Object.entries(names)
    .filter(([name]) => fields[name] !== undefined)
    .map(([name, called]) => `"${called}":${fields[name]}`);
  return `{${members.join(",")}}`;
}
