/** What the advisor needs of a connection; the command line brings one of its own. */
import type { TargetSession } from '../targets.ts';

export type Session = Pick<TargetSession, 'query' | 'serverVersion'>;
