/** The parts of a file, each appended where the last one ended. */
import { createWriteStream, existsSync } from 'node:fs';
import { truncate } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { AppError } from '../../platform/errors.ts';
import { makeFolder } from '../../platform/make-folder.ts';
import { PART_BYTES } from './contract.ts';
import { liveStates, type UploadRow, type UploadRows } from './upload-rows.ts';

export type Parts = {
  /** Appends a part at `offset`, which must be what was received so far. Answers how much that is now. */
  append(
    id: string,
    offset: number,
    part: Readable,
  ): Promise<{ receivedBytes: number; complete: boolean }>;
  /** Whether a part is being written, which sees to the file itself. */
  writing(id: string): boolean;
};

export function createParts(deps: { rows: UploadRows; announce(id: string): void }): Parts {
  const { rows, announce } = deps;
  const { folder, place, fileOf, move } = rows;
  const receiving = new Set<string>();

  const assertNext = (row: UploadRow, offset: number) => {
    if (row.state !== 'receiving') {
      throw new AppError('CONFLICT', `This upload is ${row.state}; nothing is appended to it.`);
    }
    if (row.place !== place) {
      throw new AppError('CONFLICT', 'This upload began with another process of the console.');
    }
    if (offset !== Number(row.receivedBytes)) {
      throw new AppError(
        'CONFLICT',
        `Go on from byte ${row.receivedBytes}; this part begins at ${offset}.`,
      );
    }
  };
  /** Its length; what is too long is refused before it is written. */
  const write = async (
    file: string,
    part: Readable,
    { offset, total }: { offset: number; total: number },
  ): Promise<number> => {
    let length = 0;
    await pipeline(
      part,
      async function* (source) {
        for await (const chunk of source) {
          const bytes: Buffer = chunk;
          length += bytes.length;
          if (length > PART_BYTES || offset + length > total) {
            throw new AppError(
              'PAYLOAD_TOO_LARGE',
              length > PART_BYTES
                ? `A part has at most ${PART_BYTES} bytes; send the file in several.`
                : `More comes than the ${total} bytes that were announced.`,
            );
          }
          yield bytes;
        }
      },
      createWriteStream(file, {
        flags: existsSync(file) ? 'r+' : 'w',
        start: offset,
        mode: 0o600,
      }),
    );
    return length;
  };
  const appendTo = async (row: UploadRow, offset: number, part: Readable) => {
    const { id } = row;
    const total = Number(row.sizeBytes);
    const file = fileOf(id);
    makeFolder(folder, 0o700);
    // What a part left that broke off goes.
    if (existsSync(file)) await truncate(file, offset);
    else if (offset > 0) {
      await move(id, ['receiving'], {
        state: 'failed',
        detail: 'The file is gone from the data folder.',
      });
      throw new AppError('CONFLICT', 'What was received is gone; send the file again.');
    }
    const receivedBytes = offset + (await write(file, part, { offset, total }));
    const complete = receivedBytes === total;
    const state = complete ? 'received' : 'receiving';
    if (!(await move(id, ['receiving'], { receivedBytes, state }))) {
      // Gone with its model, cancelled or given up: its file is ours to remove.
      const now = await rows.find(id).catch(() => null);
      if (!now || !liveStates.some((live) => live === now.state)) rows.dropFile(id);
      throw new AppError('CONFLICT', 'The upload was cancelled.');
    }
    if (complete) announce(id);
    return { receivedBytes, complete };
  };

  return {
    writing: (id) => receiving.has(id),
    async append(id, offset, part) {
      if (receiving.has(id)) {
        throw new AppError('CONFLICT', 'A part of this upload is being received.');
      }
      // Before it is looked up: what another part has just changed is seen.
      receiving.add(id);
      try {
        const row = await rows.find(id);
        assertNext(row, offset);
        return await appendTo(row, offset, part);
      } finally {
        receiving.delete(id);
      }
    },
  };
}
