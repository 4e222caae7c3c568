import {
  CircleAlert,
  CircleCheck,
  CircleDashed,
  CircleHelp,
  Info,
  TriangleAlert,
  Wrench,
} from 'lucide-react';
import { Badge, type Tone } from '../ui/badge.tsx';

const kinds = {
  ok: { icon: CircleCheck, tone: 'ok' },
  info: { icon: Info, tone: 'info' },
  warn: { icon: TriangleAlert, tone: 'warn' },
  bad: { icon: CircleAlert, tone: 'bad' },
  unknown: { icon: CircleHelp, tone: 'neutral' },
  off: { icon: CircleDashed, tone: 'neutral' },
  maintenance: { icon: Wrench, tone: 'maintenance' },
} as const satisfies Record<string, { icon: typeof Info; tone: Tone }>;
export type StatusKind = keyof typeof kinds;

/** A status is always an icon and a word, never colour alone. */
export function StatusBadge({ kind, word }: { kind: StatusKind; word: string }) {
  const { icon: Icon, tone } = kinds[kind];
  return (
    <Badge tone={tone}>
      <Icon aria-hidden className="size-3.5" />
      {word}
    </Badge>
  );
}
