/** What the benchmarks share: quantiles, a process's CPU and memory, a load at a fixed rate. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import autocannon from 'autocannon';

export function quantile(sorted: readonly number[], q: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN;
}

/** The middle of times in any order. */
export const median = (times: readonly number[]): number =>
  quantile(
    [...times].sort((a, b) => a - b),
    0.5,
  );

/** CPU seconds that a process has used in its own code and in the kernel; Linux. */
export function cpuParts(pid: number): { user: number; system: number } {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return { user: Number(fields[11]) / 100, system: Number(fields[12]) / 100 };
}

/** CPU seconds that a process has used; Linux. */
export function cpuSeconds(pid: number): number {
  const { user, system } = cpuParts(pid);
  return user + system;
}

export function rssMegabytes(pid: number): number {
  const match = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(match?.[1]) / 1024;
}

export type Load = { p50: number; p95: number; p99: number; perSecond: number; failed: number };

/** Sends GET requests for some seconds, at a rate a second or as fast as they come back. */
export async function load(
  url: string,
  options: {
    headers?: Record<string, string>;
    rate?: number;
    seconds: number;
    connections: number;
  },
): Promise<Load> {
  const times: number[] = [];
  let failed = 0;
  const result = await new Promise<autocannon.Result>((resolve, reject) => {
    const instance = autocannon(
      {
        url,
        duration: options.seconds,
        connections: options.connections,
        ...(options.rate ? { overallRate: options.rate } : {}),
        headers: options.headers ?? {},
      },
      (error, done) => (error ? reject(error) : resolve(done)),
    );
    instance.on('response', (_client, status, _bytes, responseMs) => {
      times.push(responseMs);
      if (status !== 200) failed++;
    });
  });
  times.sort((a, b) => a - b);
  return {
    p50: quantile(times, 0.5),
    p95: quantile(times, 0.95),
    p99: quantile(times, 0.99),
    perSecond: result.requests.average,
    failed: failed + result.errors,
  };
}

export const ms = (value: number) => `${value.toFixed(2)} ms`;
export function print(rows: Record<string, string>[]): void {
  process.stdout.write(
    `${rows
      .map((row) =>
        Object.entries(row)
          .map(([k, v]) => `${k} ${v}`)
          .join(' · '),
      )
      .join('\n')}\n`,
  );
}

/** The number that a script prints in Debian's Python, which has the peers; null without them. */
export async function python(script: string, input = ''): Promise<number | null> {
  const child = spawn('/usr/bin/python3', ['-c', script], { stdio: ['pipe', 'pipe', 'ignore'] });
  child.on('error', () => undefined);
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  let out = '';
  for await (const piece of child.stdout) out += String(piece);
  const value = Number(out.trim());
  return out.trim() === '' || Number.isNaN(value) ? null : value;
}
