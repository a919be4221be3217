/** Reads what a marker confirms: the producer's own word on what Kafka acknowledged. Pure. */
import type { MinuteCount } from "../../contract/records.ts";
import { decodeJson } from "../../contract/tick.ts";
import { CHECKSUM_MODULUS } from "../../contract/ledger.ts";

/**
 * The receipts in a marker.
 *
 * @param value The marker's value.
 * @returns Empty for a marker that confirms nothing; null where the value is not a marker's.
 */
export function receiptsOf(value: Uint8Array | null): MinuteCount[] | null {
  const decoded = decodeJson(value);
  if ("fault" in decoded) return null;
  const confirmed = (decoded.value as { confirmed?: unknown } | null)?.confirmed;
  if (!Array.isArray(confirmed)) return null;
  return confirmed.every(isMinuteCount) ? confirmed : null;
}

function isMinuteCount(value: unknown): value is MinuteCount {
  if (typeof value !== "object" || value === null) return false;
  const { minute, ticks, checksum } = value as { [field: string]: unknown };
  return Number.isSafeInteger(minute) && (minute as number) % 60_000 === 0 &&
    isWithin(ticks, Number.MAX_SAFE_INTEGER) && isWithin(checksum, CHECKSUM_MODULUS - 1);
}

function isWithin(value: unknown, max: number): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= max;
}
