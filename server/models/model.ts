/** A model as it stands in the database, and as other modules know it. */
import type { Prisma } from '../platform/db/index.ts';
import {
  type ModelVerdict,
  modelVerdicts,
  type Task,
  tasks,
  type Watch,
  watchSchema,
} from './contract.ts';
import { readFeatures, type StoredFeature } from './features.ts';

/** What other modules need to know of a model. */
export type Model = {
  id: string;
  no: number;
  name: string;
  description: string;
  task: Task;
  positiveLabel: string | null;
  features: StoredFeature[];
  segments: string[];
  labelDelaySeconds: number;
  retentionDays: number;
  watch: Watch;
  verdict: ModelVerdict;
};
export const columns = {
  id: true,
  no: true,
  name: true,
  description: true,
  task: true,
  positiveLabel: true,
  features: true,
  segments: true,
  labelDelaySeconds: true,
  retentionDays: true,
  watch: true,
  verdict: true,
  verdictDetail: true,
  verdictAt: true,
  judged: true,
  createdBy: true,
  createdAt: true,
  updatedAt: true,
} satisfies Prisma.ModelSelect;
export type Row = Prisma.ModelGetPayload<{ select: typeof columns }>;

export const modelOf = (row: Row): Model => ({
  id: row.id,
  no: row.no,
  name: row.name,
  description: row.description,
  task: tasks.find((task) => task === row.task) ?? 'binary',
  positiveLabel: row.positiveLabel,
  features: readFeatures(row.features),
  segments: row.segments,
  labelDelaySeconds: row.labelDelaySeconds,
  retentionDays: row.retentionDays,
  watch: watchSchema.parse(row.watch),
  verdict: modelVerdicts.find((verdict) => verdict === row.verdict) ?? 'learning',
});
