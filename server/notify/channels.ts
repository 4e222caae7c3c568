/** Channels: where people are told. Settings are sealed as a whole; what may be seen stands beside them. */
import { randomBytes } from 'node:crypto';
import type { Page, PageInput } from '../api/contract.ts';
import type { AddressGuard } from '../platform/addresses.ts';
import type { Audit, Authority } from '../platform/audit.ts';
import type { Bus } from '../platform/bus.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db, Tx } from '../platform/db/index.ts';
import { AppError } from '../platform/errors.ts';
import type { HttpClient } from '../platform/http-client.ts';
import { newId } from '../platform/ids.ts';
import type { Secrets } from '../platform/secrets.ts';
import type {
  ChannelItem,
  CreateChannelInput,
  CreatedChannel,
  ShownSettings,
  TestResult,
  UpdateChannelInput,
} from './contract.ts';
import { type Claimed, LEASE_MS } from './outbox.ts';
import { type Sender, sealContext } from './sender.ts';
import { patchSettings, type Settings, settingsOf, shownOf } from './settings.ts';

const MAX_CHANNELS = 200;
const KEEP_DAYS = 90;
const columns = {
  id: true,
  name: true,
  kind: true,
  enabled: true,
  minSeverity: true,
  settings: true,
} as const;

const notFound = () => new AppError('NOT_FOUND', 'There is no such channel.');
/** Base64 of 256 random bits under the prefix of the Standard Webhooks specification. */
const newSecret = () => `whsec_${randomBytes(32).toString('base64')}`;

/** Says at the field what would be refused at every attempt. */
function assertReachable(guard: AddressGuard, settings: Settings): void {
  const host =
    settings.kind === 'email' ? settings.host : (URL.parse(settings.url)?.hostname ?? '');
  try {
    guard.refuseLiteral(host);
  } catch (cause) {
    const message = 'Link-local and cloud metadata addresses are not accepted';
    const path = settings.kind === 'email' ? 'host' : 'url';
    throw new AppError('BAD_REQUEST', message, { cause, fields: [{ path, message }] });
  }
}

export type Channels = {
  create(authority: Authority, input: CreateChannelInput): Promise<CreatedChannel>;
  list(page: PageInput & { limit: number }): Promise<Page<ChannelItem>>;
  update(authority: Authority, input: UpdateChannelInput): Promise<void>;
  remove(authority: Authority, id: string): Promise<void>;
  /** Sends a message now, also on a disabled channel, and waits for how it ends. */
  test(authority: Authority, id: string): Promise<TestResult>;
};

export function createChannels(deps: {
  db: Db;
  bus: Bus;
  audit: Audit;
  clock: Clock;
  secrets: Secrets;
  sender: Sender;
  http: HttpClient;
  wake: () => void;
}): Channels {
  const { db, bus, audit, clock, secrets, sender, wake } = deps;
  const changed = (id: string) => bus.publish({ topic: 'notify', type: 'changed', id });
  const find = async (tx: Tx, id: string) => {
    const row = await tx.channel.findUnique({ where: { id }, select: columns });
    if (!row) throw notFound();
    return row;
  };
  const seal = (id: string, settings: Settings) =>
    secrets.seal(JSON.stringify(settings), sealContext(id));

  const insertTest = async (authority: Authority, id: string): Promise<Claimed> =>
    db.tx(async (tx) => {
      const channel = await tx.channel.findUnique({
        where: { id },
        select: { ...columns, sealed: true },
      });
      if (!channel) throw notFound();
      const now = clock.now();
      const deliveryId = newId(now);
      const claimed = {
        id: deliveryId,
        kind: 'test' as const,
        thread: `test:${deliveryId}`,
        attempts: 1,
        createdAt: now,
        message: {
          key: `test:${deliveryId}`,
          kind: 'test' as const,
          thread: `test:${deliveryId}`,
          severity: 'info' as const,
          title: 'Test message from Wheelhouse',
          text: `${authority.actor.name} tests the channel ${channel.name}. Nothing is wrong.`,
          facts: [{ label: 'Channel', value: channel.name }],
          at: now.toISOString(),
          href: '/channels',
        },
      };
      const { attempts, kind, thread, message } = claimed;
      await tx.delivery.create({
        data: {
          id: deliveryId,
          channelId: id,
          eventKey: message.key,
          kind,
          thread,
          severity: message.severity,
          message,
          status: 'sending',
          attempts,
          nextAttemptAt: now,
          leaseUntil: new Date(now.getTime() + LEASE_MS),
          createdAt: now,
        },
        select: { id: true },
      });
      await audit.append(tx, authority, {
        action: 'notify.channels.test',
        target: { kind: 'channel', id, name: channel.name },
      });
      const { name, kind: channelKind, sealed } = channel;
      return { ...claimed, channelId: id, channelName: name, channelKind, sealed };
    });

  return {
    async create(authority, input) {
      const made = input.kind === 'webhook' && input.secret === undefined ? newSecret() : null;
      const settings = settingsOf(input, () => made ?? '');
      assertReachable(deps.http.addresses, settings);
      const now = clock.now();
      const id = newId(now);
      const { name, kind, enabled, minSeverity } = input;
      await db.tx(async (tx) => {
        if ((await tx.channel.count()) >= MAX_CHANNELS) {
          throw new AppError('CONFLICT', `There are ${MAX_CHANNELS} channels already.`);
        }
        await tx.channel.create({
          data: {
            id,
            name,
            kind,
            enabled,
            minSeverity,
            settings: shownOf(settings),
            sealed: seal(id, settings),
            createdAt: now,
            createdBy: authority.actor.name,
            updatedAt: now,
          },
          select: { id: true },
        });
        await audit.append(tx, authority, {
          action: 'notify.channels.create',
          target: { kind: 'channel', id, name },
          after: { name, kind, enabled, minSeverity, settings: shownOf(settings) },
        });
      });
      changed(id);
      return made === null ? { id } : { id, secret: made };
    },
    async list({ limit, cursor }) {
      const rows = await db.prisma.channel.findMany({
        where: cursor ? { id: { gt: cursor } } : {},
        orderBy: { id: 'asc' },
        take: limit + 1,
        select: { ...columns, createdAt: true },
      });
      const page = rows.slice(0, limit);
      const figures = await figuresOf(
        db,
        page.map(({ id }) => id),
        new Date(clock.now().getTime() - KEEP_DAYS * 86_400_000),
      );
      const items = page.map((row): ChannelItem => {
        const figure = figures.get(row.id);
        return {
          id: row.id,
          name: row.name,
          kind: row.kind,
          enabled: row.enabled,
          minSeverity: row.minSeverity,
          // Only `shownOf` writes this column.
          settings: row.settings as ShownSettings,
          createdAt: row.createdAt.toISOString(),
          lastDeliveryAt: figure?.last_at?.toISOString() ?? null,
          lastError: figure?.last_error ?? null,
          deadCount: figure?.dead ?? 0,
          pendingCount: figure?.pending ?? 0,
        };
      });
      return { items, nextCursor: rows.length > limit ? (items.at(-1)?.id ?? null) : null };
    },
    async update(authority, input) {
      await db.tx(async (tx) => {
        await tx.$queryRaw`SELECT 1 FROM channels WHERE id = ${input.id}::uuid FOR NO KEY UPDATE`;
        const row = await tx.channel.findUnique({
          where: { id: input.id },
          select: { ...columns, sealed: true },
        });
        if (!row) throw notFound();
        // It was sealed from settings.
        const current = JSON.parse(secrets.open(row.sealed, sealContext(row.id))) as Settings;
        const result = patchSettings(current, input);
        if ('faults' in result) {
          const [first] = result.faults;
          throw new AppError('BAD_REQUEST', first?.message ?? 'Wrong settings', {
            fields: result.faults,
          });
        }
        const { settings } = result;
        assertReachable(deps.http.addresses, settings);
        const general = {
          name: input.name ?? row.name,
          enabled: input.enabled ?? row.enabled,
          minSeverity: input.minSeverity ?? row.minSeverity,
        };
        await tx.channel.update({
          where: { id: row.id },
          data: {
            ...general,
            settings: shownOf(settings),
            sealed: seal(row.id, settings),
            updatedAt: clock.now(),
          },
          select: { id: true },
        });
        await audit.append(tx, authority, {
          action: 'notify.channels.update',
          target: { kind: 'channel', id: row.id, name: general.name },
          before: {
            name: row.name,
            enabled: row.enabled,
            minSeverity: row.minSeverity,
            settings: row.settings,
          },
          after: {
            ...general,
            settings: shownOf(settings),
            // Which of them, never what they are.
            secretsChanged: changedSecrets(current, settings),
          },
        });
      });
      changed(input.id);
      // What waited for an enabled channel or right settings.
      wake();
    },
    async remove(authority, id) {
      await db.tx(async (tx) => {
        const row = await find(tx, id);
        const { count } = await tx.channel.deleteMany({ where: { id } });
        if (count === 0) throw notFound();
        const { name, kind, enabled, minSeverity, settings } = row;
        await audit.append(tx, authority, {
          action: 'notify.channels.remove',
          target: { kind: 'channel', id, name },
          before: { name, kind, enabled, minSeverity, settings },
        });
      });
      changed(id);
    },
    async test(authority, id) {
      const claimed = await insertTest(authority, id);
      const began = clock.monotonicMs();
      const { ok, status, detail } = await sender.deliver(claimed);
      const tookMs = Math.round(clock.monotonicMs() - began);
      return { delivered: ok, status, detail, tookMs };
    },
  };
}

function changedSecrets(before: Settings, after: Settings): string[] {
  const old = new Map<string, unknown>(Object.entries(before));
  return Object.entries(after)
    .filter(([name]) => ['url', 'password', 'routingKey', 'secret'].includes(name))
    .filter(([name, value]) => old.get(name) !== value)
    .map(([name]) => name);
}

type Figures = {
  id: string;
  dead: number;
  pending: number;
  last_error: string | null;
  last_at: Date | null;
};

async function figuresOf(db: Db, ids: readonly string[], since: Date) {
  const { rows } = await db.pool.query<Figures>(
    `SELECT c.id, COALESCE(w.dead, 0) AS dead, COALESCE(w.pending, 0) AS pending, w.last_error, l.last_at
     FROM unnest($1::uuid[]) AS c(id)
     LEFT JOIN (
       SELECT channel_id, count(*) FILTER (WHERE status = 'dead' AND kind <> 'test')::int AS dead,
              count(*) FILTER (WHERE status <> 'dead')::int AS pending,
              (array_agg(last_error ORDER BY created_at DESC) FILTER (WHERE last_error IS NOT NULL))[1] AS last_error
       FROM deliveries WHERE status IN ('pending', 'sending', 'dead') AND channel_id = ANY($1::uuid[])
       GROUP BY channel_id) w ON w.channel_id = c.id
     LEFT JOIN LATERAL (
       SELECT delivered_at AS last_at FROM deliveries d
       WHERE d.channel_id = c.id AND d.status = 'delivered' AND d.created_at > $2
       ORDER BY d.created_at DESC LIMIT 1) l ON true`,
    [ids, since],
  );
  return new Map(rows.map((row) => [row.id, row]));
}
