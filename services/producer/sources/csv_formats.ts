/** The CSV formats that a replay reads: found by the header, one row a format. */
import { parse } from "csv-parse/sync";
import { describe } from "../../../contract/tick.ts";

/** How the rows of a file become ticks. */
export interface RowFormat {
  /** How many fields a row has. */
  columns: number;
  /** What is wrong with a row beside what the door judges; null where nothing is. */
  rowFault(fields: readonly string[]): string | null;
  /** Makes what the door judges; a field that can't be read is handed on as its text. */
  toInput(fields: readonly string[]): unknown;
}

/** A format: which columns it needs, and how a row of it becomes a tick. */
interface Format {
  name: string;
  needs: readonly string[];
  /** Columns that are not used, but must be numbers where the file has them: else the row is broken. */
  numbers: readonly string[];
  /** @param at Where in a row a column is; −1 where the file lacks it. */
  reader(at: (column: string) => number): (fields: readonly string[]) => unknown;
}

/**
 * Decimal numbers only: Number() would take hexadecimal ones and blanks too, and "2913." of a line
 * that was cut.
 */
const DECIMAL = /^[-+]?(\d+(\.\d+)?|\.\d+)([eE][-+]?\d+)?$/;

function decimal(text: string): number | string {
  return DECIMAL.test(text) ? Number(text) : text;
}

function flag(text: string): boolean | string | undefined {
  if (text === "true") return true;
  if (text === "false") return false;
  return text === "" ? undefined : text;
}

const ISO_DATE = /^(\d{4})-(\d{2})-(\d{2})$/;
const DAY_FIRST_DATE = /^(\d{2})\/(\d{2})\/(\d{4})$/;

/**
 * Reads a date as midnight UTC.
 *
 * @param text YYYY-MM-DD or DD/MM/YYYY.
 * @returns Milliseconds since the epoch; the text itself where it is no date.
 */
export function dateMidnight(text: string): number | string {
  const iso = ISO_DATE.exec(text);
  const day_first = DAY_FIRST_DATE.exec(text);
  if (!iso && !day_first) return text;
  const [year, month, day] = iso
    ? [Number(iso[1]), Number(iso[2]), Number(iso[3])]
    : [Number(day_first![3]), Number(day_first![2]), Number(day_first![1])];
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  // The 31st of February would become the 3rd of March.
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day ? date.getTime() : text;
}

const FORMATS: readonly Format[] = [
  {
    name: "ticks",
    needs: ["symbol", "timestamp", "price", "volume"],
    numbers: [],
    reader: (at) => {
      const [symbol, price, volume] = [at("symbol"), at("price"), at("volume")];
      const [timestamp, id, forming] = [at("timestamp"), at("trade_id"), at("price_forming")];
      return (fields) => ({
        symbol: fields[symbol],
        price: decimal(fields[price]!),
        volume: decimal(fields[volume]!),
        timestamp: decimal(fields[timestamp]!),
        // An empty field is an absent one.
        trade_id: fields[id] || undefined,
        price_forming: flag(fields[forming] ?? ""),
      });
    },
  },
  {
    name: "daily index prices",
    needs: ["Index", "Date", "Close", "Volume"],
    numbers: ["Open", "High", "Low", "Adj Close", "CloseUSD"],
    reader: (at) => {
      const [index, date, close, volume] = [at("Index"), at("Date"), at("Close"), at("Volume")];
      return (fields) => ({
        symbol: fields[index],
        price: decimal(fields[close]!),
        volume: decimal(fields[volume]!),
        timestamp: dateMidnight(fields[date]!),
      });
    },
  },
];

/**
 * Finds the format of a file.
 *
 * @param header The fields of its first line.
 * @returns The format, or what is wrong, as the end of a sentence.
 */
export function formatOf(header: readonly string[]): RowFormat | { fault: string } {
  const names = header.map((name) => name.trim());
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) return { fault: `the header names column ${describe(twice)} twice` };
  const format = FORMATS.find(({ needs }) => needs.every((name) => names.includes(name)));
  if (format) {
    return {
      columns: names.length,
      rowFault: numbersFault(format.numbers.filter((name) => names.includes(name)), names),
      toInput: format.reader((column) => names.indexOf(column)),
    };
  }
  const missing = FORMATS.map(({ name, needs }) => {
    const absent = needs.filter((column) => !names.includes(column));
    return `for ${name} it lacks ${absent.join(", ")}`;
  });
  return { fault: `the header is of no known format: ${missing.join("; ")}` };
}

function numbersFault(
  columns: readonly string[],
  names: readonly string[],
): (fields: readonly string[]) => string | null {
  return (fields) => {
    for (const column of columns) {
      const text = fields[names.indexOf(column)]!;
      if (!DECIMAL.test(text)) return `${column} must be a number: it is ${describe(text)}`;
    }
    return null;
  };
}

/**
 * Splits a line into its fields. A field in quotes must end on its line: an open quote then costs
 * one line, not the rest of the file. csv-parse reads only the lines that hold a quote, since it
 * takes four times as long as a split.
 *
 * @param line One physical line.
 * @returns The fields, or what is wrong.
 */
export function splitFields(line: string): string[] | { fault: string } {
  if (!line.includes('"')) return line.split(",");
  try {
    const rows = parse(line, { relax_column_count: true }) as string[][];
    return rows[0] ?? [];
  } catch (error) {
    const { code } = error as { code?: string };
    return {
      fault: code === "CSV_QUOTE_NOT_CLOSED"
        ? "a field in quotes is not closed on its line"
        : `its quotes can't be read (${code ?? (error as Error).message})`,
    };
  }
}
