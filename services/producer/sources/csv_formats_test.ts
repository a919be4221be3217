import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { dateMidnight, formatOf, type RowFormat, splitFields } from "./csv_formats.ts";

function format(header: string): RowFormat {
  const found = formatOf(header.split(","));
  if ("fault" in found) throw new Error(found.fault);
  return found;
}

Deno.test("columns of the tick format are found by name, in any order", () => {
  const { toInput, columns } = format("volume,price,note,timestamp,symbol");
  strictEqual(columns, 5);
  deepStrictEqual(toInput(["5", "1.5", "hello", "1700000000000", "AAPL"]), {
    symbol: "AAPL",
    price: 1.5,
    volume: 5,
    timestamp: 1_700_000_000_000,
    trade_id: undefined,
    price_forming: undefined,
  });
});

Deno.test("a daily index row is a trade at Close at midnight UTC of its date", () => {
  const { toInput } = format("Index,Date,Open,High,Low,Close,Adj Close,Volume,CloseUSD");
  const expected = {
    symbol: "HSI",
    price: 2568.3,
    volume: 0,
    timestamp: Date.UTC(1986, 11, 31),
  };
  for (const date of ["1986-12-31", "31/12/1986"]) {
    deepStrictEqual(toInput(["HSI", date, "1", "2", "3", "2568.3", "9", "0.0", "333"]), expected);
  }
});

Deno.test("a daily row that was cut in a column which is not used is a broken one", () => {
  const { rowFault } = format("Index,Date,Open,High,Low,Close,Adj Close,Volume,CloseUSD");
  const row = (
    close_usd: string,
  ): string[] => ["HSI", "1986-12-31", "1", "2", "3", "4", "5", "0.0", close_usd];
  strictEqual(rowFault(row("2913.5")), null);
  strictEqual(rowFault(row("2913.")), 'CloseUSD must be a number: it is "2913."');
  strictEqual(rowFault(row("")), 'CloseUSD must be a number: it is ""');
});

Deno.test("dates that are none are handed on as text", () => {
  for (const text of ["2021-02-29", "31/04/2020", "12/31/2020", "2020-1-1", "", "2020-00-10"]) {
    strictEqual(dateMidnight(text), text);
  }
  strictEqual(dateMidnight("2020-02-29"), Date.UTC(2020, 1, 29));
  strictEqual(dateMidnight("0099-01-01"), new Date("0099-01-01T00:00:00Z").getTime());
});

Deno.test("numbers are decimal, everything else stays text for the door to refuse", () => {
  const { toInput } = format("symbol,timestamp,price,volume");
  for (
    const text of [
      "0x10",
      "",
      " 1",
      "1 ",
      "NaN",
      "Infinity",
      "1,5",
      "1_000",
      "--1",
      "1e",
      ".",
      "5.",
    ]
  ) {
    strictEqual((toInput(["A", "1", text, "1"]) as { price: unknown }).price, text);
  }
  for (const [text, value] of [["1e3", 1000], [".5", 0.5], ["+1", 1], ["-0", -0]]) {
    strictEqual((toInput(["A", "1", String(text), "1"]) as { price: unknown }).price, value);
  }
});

Deno.test("a header that lacks a column names it", () => {
  const found = formatOf(["symbol", "price", "volume"]);
  ok("fault" in found);
  match(found.fault, /for ticks it lacks timestamp;/);
});

Deno.test("quotes are read as RFC 4180 has them, within their line", () => {
  deepStrictEqual(splitFields("a,b,,c"), ["a", "b", "", "c"]);
  deepStrictEqual(splitFields('"a,1","say ""x""",'), ["a,1", 'say "x"', ""]);
  for (const line of ['"a,b', 'a"b,c', '"a"b,c', 'x,"']) {
    ok("fault" in splitFields(line), line);
  }
});
