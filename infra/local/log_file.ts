/** A log file with a bound: when it is full it is set aside once, over the one before. */

import { ignoreNotFound } from "./files.ts";

/** Takes text for a log file. */
export interface LogFile {
  /** Appends; a disk that is full loses the text and not the process. */
  write(text: string): void;
  close(): void;
}

const encoder = new TextEncoder();

/** A file that somebody has removed need not be set aside. */
function setAside(path: string): void {
  try {
    Deno.renameSync(path, `${path}.1`);
  } catch (error) {
    ignoreNotFound(error);
  }
}

/**
 * Opens a log file for appending. At most twice its bound is on the disk: `<path>` and `<path>.1`.
 *
 * @param path The file; its directory exists.
 * @param bytes_max When it is larger than this it is set aside.
 * @param onFault Told of the first failed write, and of the first after one that worked.
 */
export function openLogFile(
  path: string,
  bytes_max: number,
  onFault: (message: string) => void,
): LogFile {
  const open = (): Deno.FsFile => Deno.openSync(path, { create: true, append: true });
  // Null while it could not be opened anew after it was set aside.
  let file: Deno.FsFile | null = open();
  let size = file.statSync().size;
  let failing = false;

  function append(bytes: Uint8Array): void {
    if (file !== null && size > 0 && size + bytes.length > bytes_max) {
      setAside(path);
      file.close();
      file = null;
    }
    if (file === null) {
      file = open();
      size = 0;
    }
    for (let written = 0; written < bytes.length;) {
      written += file.writeSync(bytes.subarray(written));
    }
    size += bytes.length;
  }

  return {
    write(text) {
      try {
        append(encoder.encode(text));
        failing = false;
      } catch (error) {
        if (!failing) onFault(`Cannot write to ${path}: ${(error as Error).message}; make room`);
        failing = true;
      }
    },
    close: () => file?.close(),
  };
}
