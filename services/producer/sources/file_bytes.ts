/** Reads a file, plain or gzip, piece by piece; what can be read of a broken one comes first. */
import { Buffer } from "node:buffer";
import { createGunzip } from "node:zlib";

/** Small enough that what gzip makes of one piece (at most 1,032 times as much) fits in memory. */
const PIECE_BYTES = 32_768;

/** A piece of the file's content. */
export interface Piece {
  bytes: Buffer;
  /** Bytes of the file (of the gzip, where it is one) that have been read so far. */
  position: number;
}

/** The file is broken: all that came before has been given out. */
export class FileCut extends Error {
  override name = "FileCut";
}

/**
 * Reads a file's content. Gzip is told by its first bytes, not by the file's name.
 *
 * @param path The file.
 * @throws FileCut after the last good piece, where gzip data is cut or damaged.
 */
export async function* readPieces(path: string): AsyncGenerator<Piece> {
  using file = await Deno.open(path, { read: true });
  const buffer = new Uint8Array(PIECE_BYTES);
  let position = 0;
  let gzip: Gunzipper | null | undefined;
  for (let count = await file.read(buffer); count !== null; count = await file.read(buffer)) {
    position += count;
    const bytes = Buffer.from(buffer.subarray(0, count));
    gzip ??= bytes[0] === 0x1f && bytes[1] === 0x8b ? createGunzipper() : null;
    if (gzip === null) {
      yield { bytes, position };
      continue;
    }
    const { unpacked, fault } = await gzip.write(bytes);
    if (unpacked.length > 0) yield { bytes: unpacked, position };
    if (fault) throw new FileCut(`its gzip data is damaged: ${fault.message}`);
  }
  if (!gzip) return;
  const { unpacked, fault } = await gzip.end();
  if (unpacked.length > 0) yield { bytes: unpacked, position };
  if (fault) throw new FileCut(`its gzip data ends too early: ${fault.message}`);
}

interface Gunzipper {
  write(bytes: Buffer): Promise<{ unpacked: Buffer; fault: Error | null }>;
  end(): Promise<{ unpacked: Buffer; fault: Error | null }>;
}

/** Driven by hand: a stream's iterator loses what is in its buffer when an error comes. */
function createGunzipper(): Gunzipper {
  const stream = createGunzip({ chunkSize: 131_072 });
  let pieces: Buffer[] = [];
  let fault: Error | null = null;
  let finish = (): void => {};
  stream.on("data", (piece: Buffer) => pieces.push(piece));
  stream.on("error", (error: Error) => {
    fault = error;
    finish();
  });
  stream.on("end", () => finish());

  async function until(act: (finish: () => void) => void): Promise<
    { unpacked: Buffer; fault: Error | null }
  > {
    await new Promise<void>((resolve) => {
      finish = resolve;
      act(resolve);
    });
    const unpacked = Buffer.concat(pieces);
    pieces = [];
    return { unpacked, fault };
  }

  return {
    write: (bytes) => until((written) => void stream.write(bytes, () => written())),
    end: () => until(() => void stream.end()),
  };
}
