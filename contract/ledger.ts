/**
 * The ledger's checksum: for each tick a hash of its fields, added up, so that order does not
 * matter and equal rows do not cancel. Postgres computes the same from the rows themselves, since
 * the hash is the one of its own `hash…extended` functions (Bob Jenkins' lookup3, 2006, as in
 * PostgreSQL's src/common/hashfn.c), chained by their seeds.
 */
import type { Tick } from "./tick.ts";

/** Checksums are sums of 32-bit hashes modulo this: two of them still add up exactly in a double. */
export const CHECKSUM_MODULUS = 2 ** 52;

/**
 * SQL that computes one row's hash (0 to 2^32 − 1) from the columns of `ticks`.
 * `tickHash` is the same in TypeScript; a test holds the one against the other.
 */
export const TICK_HASH_SQL = `(hashtextextended(coalesce(trade_id, ''),
  hashint8extended((extract(epoch from event_time) * 1000)::bigint,
  hashfloat8extended(volume, hashfloat8extended(price,
  hashtextextended(source || '|' || symbol || '|' || price_forming::text, 0)))))
  & 4294967295)`;

// The 64-bit hash in two halves: one result a call, without an allocation.
let high = 0;
let low = 0;
// The state of lookup3.
let a = 0;
let b = 0;
let c = 0;

function rotate(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}

function mix(): void {
  a = ((a - c) | 0) ^ rotate(c, 4);
  c = (c + b) | 0;
  b = ((b - a) | 0) ^ rotate(a, 6);
  a = (a + c) | 0;
  c = ((c - b) | 0) ^ rotate(b, 8);
  b = (b + a) | 0;
  a = ((a - c) | 0) ^ rotate(c, 16);
  c = (c + b) | 0;
  b = ((b - a) | 0) ^ rotate(a, 19);
  a = (a + c) | 0;
  c = ((c - b) | 0) ^ rotate(b, 4);
  b = (b + a) | 0;
}

function finish(): void {
  c = ((c ^ b) - rotate(b, 14)) | 0;
  a = ((a ^ c) - rotate(c, 11)) | 0;
  b = ((b ^ a) - rotate(a, 25)) | 0;
  c = ((c ^ b) - rotate(b, 16)) | 0;
  a = ((a ^ c) - rotate(c, 4)) | 0;
  b = ((b ^ a) - rotate(a, 14)) | 0;
  c = ((c ^ b) - rotate(b, 24)) | 0;
  high = b;
  low = c;
}

/** Starts a hash over `length` bytes, with the previous result as its seed. */
function begin(length: number): void {
  a = b = c = (0x9e3779b9 + length + 3_923_095) | 0;
  if (high !== 0 || low !== 0) {
    a = (a + high) | 0;
    b = (b + low) | 0;
    mix();
  }
}

const double = new Float64Array(1);
const doubleWords = new Int32Array(double.buffer);

/** hashfloat8extended: a zero leaves the seed as it is. */
function hashDouble(value: number): void {
  if (value === 0) return;
  double[0] = value;
  begin(8);
  a = (a + doubleWords[0]!) | 0;
  b = (b + doubleWords[1]!) | 0;
  finish();
}

/** hashint8extended: the halves are folded so that it agrees with the hash of a smaller integer. */
function hashInteger(value: number): void {
  const upper = Math.floor(value / 2 ** 32) | 0;
  const lower = value | 0;
  begin(4);
  a = (a + (lower ^ (value >= 0 ? upper : ~upper))) | 0;
  finish();
}

function word(bytes: Uint8Array, at: number, end: number): number {
  let value = 0;
  for (let i = Math.min(at + 4, end) - 1; i >= at; i--) value = (value << 8) | bytes[i]!;
  return value;
}

function hashBytes(bytes: Uint8Array, length: number): void {
  begin(length);
  let at = 0;
  for (; length - at >= 12; at += 12) {
    a = (a + word(bytes, at, length)) | 0;
    b = (b + word(bytes, at + 4, length)) | 0;
    c = (c + word(bytes, at + 8, length)) | 0;
    mix();
  }
  a = (a + word(bytes, at, length)) | 0;
  b = (b + word(bytes, at + 4, length)) | 0;
  // The lowest byte of c is the length's.
  c = (c + (word(bytes, at + 8, length) << 8)) | 0;
  finish();
}

const encoder = new TextEncoder();
const scratch = new Uint8Array(4 * 1024);

function hashText(text: string): void {
  hashBytes(scratch, asciiInto(text) ? text.length : encoder.encodeInto(text, scratch).written);
}

/** Writes a short text faster than the encoder is called; false where it holds more than ASCII. */
function asciiInto(text: string): boolean {
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code > 127) return false;
    scratch[at] = code;
  }
  return true;
}

/** The hash of a series' names, computed once a series: [high, low] of each price_forming. */
interface SeriesSeed {
  forming: [number, number];
  other: [number, number];
}

const SERIES_SEEDS_MAX = 200_000;
const seeds = new Map<string, Map<string, SeriesSeed>>();
let seedsHeld = 0;

function seedOf(source: string, symbol: string, price_forming: boolean): [number, number] {
  high = low = 0;
  hashText(`${source}|${symbol}|${price_forming}`);
  return [high, low];
}

function seriesSeed(source: string, symbol: string): SeriesSeed {
  let bySymbol = seeds.get(source);
  const known = bySymbol?.get(symbol);
  if (known) return known;
  if (seedsHeld >= SERIES_SEEDS_MAX) {
    seeds.clear();
    seedsHeld = 0;
    bySymbol = undefined;
  }
  if (!bySymbol) seeds.set(source, bySymbol = new Map());
  const seed = { forming: seedOf(source, symbol, true), other: seedOf(source, symbol, false) };
  bySymbol.set(symbol, seed);
  seedsHeld++;
  return seed;
}

/**
 * The hash of one tick: equal to TICK_HASH_SQL over its row.
 *
 * @param tick A valid tick.
 * @returns A whole number from 0 to 2^32 − 1.
 */
export function tickHash(tick: Tick): number {
  const seed = seriesSeed(tick.source, tick.symbol);
  [high, low] = tick.price_forming === false ? seed.other : seed.forming;
  hashDouble(tick.price);
  hashDouble(tick.volume);
  hashInteger(tick.timestamp);
  if (tick.trade_id) hashText(tick.trade_id);
  else hashBytes(scratch, 0);
  return low >>> 0;
}

/** Adds two checksums, or a hash to a checksum. */
export function addChecksum(left: number, right: number): number {
  const sum = left + right;
  return sum >= CHECKSUM_MODULUS ? sum - CHECKSUM_MODULUS : sum;
}
