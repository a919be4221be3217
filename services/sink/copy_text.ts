/**
 * Values in the text format of Postgres' COPY: fields parted by tabs, rows by newlines, \N for null
 * (PostgreSQL documentation, COPY, "Text Format"). Pure.
 */

/** Null, as COPY's text format has it. */
export const COPY_NULL = "\\N";

const SPECIAL = /[\\\t\n\r]/;
const ALL_SPECIAL = /[\\\t\n\r]/g;
const ESCAPES: { [character: string]: string } = {
  "\\": "\\\\",
  "\t": "\\t",
  "\n": "\\n",
  "\r": "\\r",
};

/**
 * A string as a COPY field.
 *
 * @param value Any well-formed string without U+0000, which Postgres' text can't hold.
 */
export function copyString(value: string): string {
  return SPECIAL.test(value)
    ? value.replace(ALL_SPECIAL, (character) => ESCAPES[character]!)
    : value;
}

/** A double as a COPY field: the shortest decimal that reads back as the same double; or null. */
export function copyNumber(value: number | null): string {
  return value === null ? COPY_NULL : String(value);
}

/** Writes times as `timestamptz` fields; remembers the second of the last one, for speed. */
export type TimeWriter = (timestamp_ms: number) => string;

/**
 * Makes a writer of times. One for each column is quickest, since neighbours are of one second.
 *
 * @returns Turns whole milliseconds since the epoch, years 0 to 9999, into ISO 8601 in UTC.
 */
export function createTimeWriter(): TimeWriter {
  let second = NaN;
  let prefix = "";
  return (timestamp_ms) => {
    const second_now = Math.floor(timestamp_ms / 1000);
    if (second_now !== second) {
      second = second_now;
      prefix = new Date(second * 1000).toISOString().slice(0, 20);
    }
    const thousandths = timestamp_ms - second * 1000;
    return `${prefix}${thousandths < 10 ? "00" : thousandths < 100 ? "0" : ""}${thousandths}Z`;
  };
}
