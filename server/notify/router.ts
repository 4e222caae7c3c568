import { procedures, router } from '../api/trpc.ts';
import {
  channelListSchema,
  createChannelSchema,
  deliveryListSchema,
  notifyIdSchema,
  updateChannelSchema,
} from './contract.ts';
import type { Notify } from './service.ts';

export const notifyRouter = ({ channels, deliveries }: Pick<Notify, 'channels' | 'deliveries'>) =>
  router({
    channels: router({
      /** Oldest first, without any secret. */
      list: procedures.viewer.input(channelListSchema).query(({ input }) => channels.list(input)),
      /** The secret in the answer, if there is one, is shown once. */
      create: procedures.admin
        .input(createChannelSchema)
        .mutation(({ ctx, input }) => channels.create(ctx.authority, input)),
      /** What is absent stays. */
      update: procedures.admin
        .input(updateChannelSchema)
        .mutation(({ ctx, input }) => channels.update(ctx.authority, input)),
      /** What waits for the channel is dropped, and its log goes away. */
      remove: procedures.admin
        .input(notifyIdSchema)
        .mutation(({ ctx, input }) => channels.remove(ctx.authority, input.id)),
      /** Sends a message now and answers how that went. */
      test: procedures.admin
        .input(notifyIdSchema)
        .mutation(({ ctx, input }) => channels.test(ctx.authority, input.id)),
    }),
    /** Newest first. */
    deliveries: procedures.viewer
      .input(deliveryListSchema)
      .query(({ input }) => deliveries.list(input)),
    /** A dead message starts over. */
    resend: procedures.operator
      .input(notifyIdSchema)
      .mutation(({ ctx, input }) => deliveries.resend(ctx.authority, input.id)),
    /** A message that is dead or waits is let go; what it held in its thread goes on. */
    cancel: procedures.operator
      .input(notifyIdSchema)
      .mutation(({ ctx, input }) => deliveries.cancel(ctx.authority, input.id)),
  });
