import { MARK } from '../collect/read.ts';
import type { TargetSession } from '../targets.ts';

/** The same connection, whose statements say whose they are: they are not counted among those of the database. */
export const marked = (session: TargetSession): TargetSession => ({
  ...session,
  query: (text, values) =>
    session.query(
      text.replace(/^\s*\w+/, (word) => `${word} ${MARK}`),
      values,
    ),
});
