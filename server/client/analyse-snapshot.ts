/** `node analyse-snapshot.ts FILE [LIMIT]`: prints the class histogram of a heap snapshot as JSON. A process of its own. */
import { createReadStream } from 'node:fs';
import { createHistogramReader } from './heap-snapshot.ts';

const [file, limit] = process.argv.slice(2);
if (!file) throw new Error('Which file?');
const reader = createHistogramReader();
// Small chunks: what is read but not yet counted is all that grows.
for await (const chunk of createReadStream(file, { highWaterMark: 256 * 1024 })) reader.push(chunk);
const histogram = reader.finish(limit ? Number(limit) : undefined);
process.stdout.write(JSON.stringify(histogram));
