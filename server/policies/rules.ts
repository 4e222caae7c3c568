/** Changes of the rules and of the default. All take the one row of settings first, so that they happen one after the other. */
import { isDeepStrictEqual } from 'node:util';
import type { Page } from '../api/contract.ts';
import type { Audit, Authority } from '../platform/audit.ts';
import type { Clock } from '../platform/clock.ts';
import { type Db, Prisma, type Tx } from '../platform/db/index.ts';
import { AppError } from '../platform/errors.ts';
import { newId } from '../platform/ids.ts';
import { effectOf } from './book.ts';
import {
  conditionsSchema,
  type DefaultInput,
  MAX_RULES,
  type RuleInput,
  type RuleItem,
  type RulePage,
  type RuleRemove,
  type RuleUpdate,
} from './contract.ts';

const columns = {
  id: true,
  name: true,
  description: true,
  subject: true,
  tool: true,
  scope: true,
  effect: true,
  conditions: true,
  enabled: true,
  version: true,
  createdAt: true,
  createdBy: true,
  updatedAt: true,
  updatedBy: true,
} as const;
export type StoredRule = Omit<RuleItem, 'subjectName'>;
type Row = Prisma.PolicyRuleGetPayload<{ select: typeof columns }>;

function toItem({ createdAt, updatedAt, ...row }: Row): StoredRule {
  return {
    ...row,
    effect: effectOf(row.effect),
    conditions: conditionsSchema.parse(row.conditions),
    createdAt: createdAt.toISOString(),
    updatedAt: updatedAt.toISOString(),
  };
}
const inputOf = ({
  id,
  version,
  createdAt,
  createdBy,
  updatedAt,
  updatedBy,
  ...input
}: StoredRule) => input;
const asJson = (conditions: RuleInput['conditions']): Prisma.InputJsonValue =>
  // Plain JSON by its schema; absent members are left out.
  JSON.parse(JSON.stringify(conditions)) as Prisma.InputJsonValue;

export type Rules = {
  list(page: RulePage): Promise<Page<StoredRule>>;
  create(authority: Authority, input: RuleInput): Promise<{ id: string; version: number }>;
  update(authority: Authority, input: RuleUpdate): Promise<{ version: number }>;
  remove(authority: Authority, input: RuleRemove): Promise<void>;
  setDefault(authority: Authority, input: DefaultInput): Promise<void>;
};

export function createRules(deps: {
  db: Db;
  audit: Audit;
  clock: Clock;
  /** After each change, once it is committed. */
  changed(): Promise<void>;
}): Rules {
  const { db, audit, clock } = deps;

  const begin = async (tx: Tx, now: Date) => {
    const [settings] = await tx.$queryRaw<{ default_effect: string }[]>`
      UPDATE policy_settings SET version = version + 1 WHERE id = 1 RETURNING default_effect`;
    if (!settings) throw new Error('the row of policy settings is missing');
    return { now, defaultEffect: effectOf(settings.default_effect) };
  };
  const change = async <T>(work: (tx: Tx, now: Date) => Promise<T>): Promise<T> => {
    const result = await db
      .tx(async (tx) => {
        const { now } = await begin(tx, clock.now());
        return work(tx, now);
      })
      .catch(nameTaken);
    await deps.changed();
    return result;
  };
  const find = async (tx: Tx, id: string): Promise<StoredRule> => {
    const row = await tx.policyRule.findUnique({ where: { id }, select: columns });
    if (!row) throw new AppError('NOT_FOUND', 'This rule is gone.');
    return toItem(row);
  };
  const refuseOld = (rule: StoredRule, version: number | undefined) => {
    if (version === undefined || version === rule.version) return;
    throw new AppError(
      'CONFLICT',
      `${rule.updatedBy} changed this rule meanwhile. Read it again, then decide.`,
    );
  };
  const target = (id: string, name: string) => ({ kind: 'policy', id, name });

  return {
    async list({ limit, cursor }) {
      const rows = await db.prisma.policyRule.findMany({
        ...(cursor ? { where: { id: { lt: cursor } } } : {}),
        orderBy: { id: 'desc' },
        take: limit + 1,
        select: columns,
      });
      const items = rows.slice(0, limit).map(toItem);
      return { items, nextCursor: rows.length > limit ? (items.at(-1)?.id ?? null) : null };
    },
    create: (authority, input) =>
      change(async (tx, now) => {
        if ((await tx.policyRule.count()) >= MAX_RULES) {
          throw new AppError('CONFLICT', `There are ${MAX_RULES} rules already.`);
        }
        const id = newId(now);
        const by = authority.actor.name;
        await tx.policyRule.create({
          data: {
            ...input,
            id,
            conditions: asJson(input.conditions),
            version: 1,
            createdAt: now,
            createdBy: by,
            updatedAt: now,
            updatedBy: by,
          },
          select: { id: true },
        });
        await audit.append(tx, authority, {
          action: 'policies.create',
          target: target(id, input.name),
          after: input,
        });
        return { id, version: 1 };
      }),
    update: (authority, { id, version, ...input }) =>
      change(async (tx, now) => {
        const rule = await find(tx, id);
        refuseOld(rule, version);
        const before = inputOf(rule);
        const given = Object.fromEntries(
          Object.entries(input).filter(([, value]) => value !== undefined),
        );
        const after: RuleInput = { ...before, ...given };
        if (isDeepStrictEqual(before, after)) return { version: rule.version };
        await tx.policyRule.update({
          where: { id },
          data: {
            ...after,
            conditions: asJson(after.conditions),
            version: rule.version + 1,
            updatedAt: now,
            updatedBy: authority.actor.name,
          },
          select: { id: true },
        });
        await audit.append(tx, authority, {
          action: 'policies.update',
          target: target(id, after.name),
          before,
          after,
        });
        return { version: rule.version + 1 };
      }),
    remove: (authority, { id, version }) =>
      change(async (tx) => {
        const rule = await find(tx, id);
        refuseOld(rule, version);
        await tx.policyRule.delete({ where: { id }, select: { id: true } });
        await audit.append(tx, authority, {
          action: 'policies.remove',
          target: target(id, rule.name),
          before: inputOf(rule),
        });
      }),
    async setDefault(authority, { effect, reason }) {
      await db.tx(async (tx) => {
        const { now, defaultEffect } = await begin(tx, clock.now());
        if (defaultEffect === effect) return;
        await tx.policySettings.update({
          where: { id: 1 },
          data: { defaultEffect: effect, updatedAt: now, updatedBy: authority.actor.name },
          select: { id: true },
        });
        await audit.append(tx, authority, {
          action: 'policies.setDefault',
          target: { kind: 'policy', id: null, name: 'default' },
          before: { effect: defaultEffect },
          after: { effect, reason },
        });
      });
      await deps.changed();
    },
  };
}

function nameTaken(error: unknown): never {
  if (error instanceof Prisma.PrismaClientKnownRequestError && error.code === 'P2002') {
    const message = 'Another rule has this name';
    throw new AppError('CONFLICT', `${message}.`, { fields: [{ path: 'name', message }] });
  }
  throw error;
}
