/** Moves positions over offsets without records: one move of a partition at a time. */

/** Moves that are under way. */
export interface EmptyMoves {
  /**
   * Begins a move; where one of the partition is under way, that one goes on to there.
   *
   * @param to The position after it.
   */
  moveTo(topic: string, partition: number, to: bigint): void;
  /** Resolves when no move of the partition is under way; never fails. */
  ended(topic: string, partition: number): Promise<void>;
  /** Resolves when those that are under way have ended; never fails. */
  allEnded(): Promise<void>;
}

interface Move {
  to: bigint;
  ended: Promise<void>;
}

/**
 * Makes a keeper of moves.
 *
 * @param move Moves one partition's position; never fails.
 */
export function createEmptyMoves(
  move: (topic: string, partition: number, to: bigint) => Promise<void>,
): EmptyMoves {
  const under_way = new Map<string, Move>();

  async function moveAlong(topic: string, partition: number, current: Move): Promise<void> {
    for (let to: bigint | null = null; to !== current.to;) {
      to = current.to;
      await move(topic, partition, to);
    }
    under_way.delete(`${topic}/${partition}`);
  }

  return {
    moveTo(topic, partition, to) {
      const place = `${topic}/${partition}`;
      const earlier = under_way.get(place);
      if (earlier !== undefined) {
        earlier.to = to;
        return;
      }
      const current: Move = { to, ended: Promise.resolve() };
      under_way.set(place, current);
      current.ended = moveAlong(topic, partition, current);
    },
    ended: async (topic, partition) => await under_way.get(`${topic}/${partition}`)?.ended,
    async allEnded() {
      await Promise.all([...under_way.values()].map(({ ended }) => ended));
    },
  };
}
