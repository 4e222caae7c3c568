/** What verdicts and examinations are called. */
import type { StatusKind } from '../../../../components/data/status-badge.tsx';
import { formatBytes } from '../../../../components/format/bytes.ts';
import { formatDuration } from '../../../../components/format/duration.ts';
import { formatPercent } from '../../../../components/format/percent.ts';
import type {
  ExaminationItem,
  FindingItem,
  MemoryPolicy,
  ProcessItem,
} from '../../../../server/memory/contract.ts';

type Words = { kind: StatusKind; word: string };
const verdicts: Record<ProcessItem['verdict'], Words> = {
  learning: { kind: 'unknown', word: 'Learning' },
  steady: { kind: 'ok', word: 'Steady' },
  suspected: { kind: 'warn', word: 'Suspected' },
  leak: { kind: 'bad', word: 'Leaks' },
};
/** What is thought of a process; of one that is silent nothing is known. */
export const verdictOf = ({ present, verdict }: ProcessItem): Words =>
  present ? verdicts[verdict] : { kind: 'off', word: 'Silent' };

export const statusWords: Record<ExaminationItem['status'], Words> = {
  asked: { kind: 'info', word: 'Waiting' },
  running: { kind: 'info', word: 'Running' },
  done: { kind: 'ok', word: 'Done' },
  refused: { kind: 'warn', word: 'Not done' },
};
export const kindWords: Record<ExaminationItem['kind'], string> = {
  profile: 'Profile',
  snapshot: 'Snapshot',
  restart: 'Restart',
};

/** `+21 MiB an hour`, or a dash while nothing is known. */
export function paceOf(bytesPerHour: number | null): string {
  if (bytesPerHour === null) return '–';
  return `${bytesPerHour > 0 ? '+' : ''}${formatBytes(bytesPerHour)}/h`;
}

export const placeOf = (share: FindingItem['functions'][number]): string =>
  share.file === '' ? share.name : `${share.name} · ${share.file}:${share.line}`;

/** Against what a process is judged, in one sentence. */
export function rulesOf(policy: MemoryPolicy): string {
  const { windowSeconds, growthRatio, growthBytes, confirmSeconds } = policy;
  return `A leak is growth of ${formatPercent(growthRatio)} and ${formatBytes(growthBytes)} over ${formatDuration(windowSeconds)} that is no chance and goes on for ${formatDuration(confirmSeconds)} more.`;
}
export const isDefaultWindow = (policy: MemoryPolicy): boolean => policy.windowSeconds === 3_600;
