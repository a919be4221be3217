/**
 * The spans of a transaction, by the conventions for databases
 * (https://opentelemetry.io/docs/specs/semconv/database/postgresql/): what is copied, and the COMMIT,
 * which postgres.js sends by itself once the work is done.
 */
import { activeContext, failSpan, openSpan, type Span, within } from "../../runtime/spans.ts";
import type { Slice } from "./slice.ts";

/** The spans of one transaction. */
export interface StoreSpans {
  /** Copies within its span. */
  copy(work: () => Promise<void>): Promise<void>;
  /** The work is done: what follows is the COMMIT. */
  beginCommit(): void;
  /** Waits for the transaction, and ends its COMMIT's span. */
  commit(transaction: Promise<void>): Promise<void>;
}

/** Opens none where no span is active: nothing of the slice is sampled then. */
export function openStoreSpans({ table, rows }: Slice): StoreSpans {
  // Taken here: postgres.js calls the work back from a socket's event, where another may be active.
  const parent = activeContext();
  let commit: Span | null = null;
  let is_over = false;
  const open = (operation: string): Span | null =>
    parent === null
      ? null
      : openSpan(operation === "COMMIT" ? operation : `${operation} ${table}`, {
        kind: "CLIENT",
        parent,
        attributes: {
          "db.system.name": "postgresql",
          "db.operation.name": operation,
          "db.collection.name": table,
          "db.operation.batch.size": rows.records.length,
        },
      });
  return {
    copy: (work) => within(open("COPY"), work),
    beginCommit() {
      // Past its deadline nobody waits for it any more, nor ends its span.
      if (!is_over) commit = open("COMMIT");
    },
    async commit(transaction) {
      try {
        await transaction;
      } catch (error) {
        if (commit !== null) failSpan(commit, error);
        throw error;
      } finally {
        is_over = true;
        commit?.end();
      }
    },
  };
}
