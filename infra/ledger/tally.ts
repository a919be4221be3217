/** A count with its checksum: what every column of the ledger is made of. Pure. */
import { addChecksum, CHECKSUM_MODULUS } from "../../contract/ledger.ts";

/** How many records, and the sum of the valid ticks' hashes (contract/ledger.ts). */
export interface Tally {
  count: number;
  checksum: number;
}

/** A tally of nothing. */
export function emptyTally(): Tally {
  return { count: 0, checksum: 0 };
}

/** Adds to a tally in place. */
export function addTo(tally: Tally, added: Tally): void {
  tally.count += added.count;
  tally.checksum = addChecksum(tally.checksum, added.checksum);
}

/** The one tally without the other. The count may be negative: that is a difference to report. */
export function without(whole: Tally, part: Tally): Tally {
  return {
    count: whole.count - part.count,
    checksum: addChecksum(whole.checksum, CHECKSUM_MODULUS - part.checksum),
  };
}
