import { procedures, router, scoped } from '../api/trpc.ts';
import {
  examinationListSchema,
  findingIdSchema,
  findingListSchema,
  historySchema,
  processListSchema,
  profileSchema,
  reportSchema,
  restartSchema,
  snapshotSchema,
} from './contract.ts';
import type { Memory } from './service.ts';

export const memoryRouter = (memory: Memory) =>
  router({
    /** From programs that embed the watcher; answers what they shall do next. */
    report: scoped('ingest')
      .input(reportSchema)
      .mutation(({ input }) => memory.report(input)),
    /** Processes, their heap after full collections, and what is thought of it. */
    status: procedures.viewer.input(processListSchema).query(({ input }) => memory.status(input)),
    /** The heap after full collections over time, and the line that was judged last. */
    history: procedures.viewer.input(historySchema).query(({ input }) => memory.history(input)),
    /** Leaks, newest first. */
    findings: procedures.viewer
      .input(findingListSchema)
      .query(({ input }) => memory.findings(input)),
    /** One leak with its suspects, what was done and what was seen. */
    finding: procedures.viewer
      .input(findingIdSchema)
      .query(({ input }) => memory.finding(input.id)),
    /** What a process was asked to do about its heap, newest first. */
    examinations: procedures.viewer
      .input(examinationListSchema)
      .query(({ input }) => memory.examinations(input)),
    /** Samples allocations for some seconds and counts objects before and after. */
    profile: procedures.operator
      .input(profileSchema)
      .mutation(({ ctx, input }) => memory.profile(ctx.authority, input)),
    /** A full snapshot; refused when it would endanger the process. */
    snapshot: procedures.admin
      .input(snapshotSchema)
      .mutation(({ ctx, input }) => memory.snapshot(ctx.authority, input)),
    /** Ends a process of the console in order and starts it again. */
    restart: procedures.admin
      .input(restartSchema)
      .mutation(({ ctx, input }) => memory.restart(ctx.authority, input)),
  });
