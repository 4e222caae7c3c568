import type { Guard } from '../client/index.ts';
import type { Audit } from '../platform/audit.ts';
import type { Bus } from '../platform/bus.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db, Tx } from '../platform/db/index.ts';
import type { HttpClient } from '../platform/http-client.ts';
import type { Log } from '../platform/log.ts';
import type { Metrics } from '../platform/metrics.ts';
import type { Secrets } from '../platform/secrets.ts';
import { type Channels, createChannels } from './channels.ts';
import type { NotifyMessage } from './contract.ts';
import { createDeliveries, type Deliveries } from './deliveries.ts';
import { createFolding } from './folding.ts';
import { createOutbox } from './outbox.ts';
import { createSender } from './sender.ts';
import { createTransmit } from './senders/transmit.ts';

export type Notify = {
  /** Queues `message` for the channels it is for, inside the caller's transaction; answers how many. */
  enqueue(tx: Tx, message: NotifyMessage): Promise<number>;
  /** After the commit: the sender looks at once, here or in another process. */
  wake(): void;
  channels: Channels;
  deliveries: Deliveries;
  /** One pass of the sender: sends what is due; answers how many attempts it made. */
  tick(): Promise<number>;
  /** Sends from now on. Several processes may. */
  start(): void;
  close(): Promise<void>;
};

export function createNotify(deps: {
  db: Db;
  bus: Bus;
  audit: Audit;
  clock: Clock;
  log: Log;
  metrics: Metrics;
  secrets: Secrets;
  http: HttpClient;
  guardOf: (name: string) => Guard;
  /** Origin that people use, for links. */
  publicUrl: () => string;
}): Notify {
  const outbox = createOutbox(deps);
  const folding = createFolding(deps);
  const sender = createSender({ ...deps, outbox, folding, transmit: createTransmit(deps) });
  const wake = () => {
    deps.bus.publish({ topic: 'notify', type: 'queued' });
    sender.look();
  };
  return {
    enqueue: outbox.enqueue,
    wake,
    channels: createChannels({ ...deps, sender, wake }),
    deliveries: createDeliveries({ ...deps, wake }),
    tick: sender.tick,
    start: sender.start,
    close: sender.close,
  };
}
