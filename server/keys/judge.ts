/** Whether a key that was found is accepted now. Pure. */
import ipaddr from 'ipaddr.js';
import { type Role, roleAllows } from '../api/contract.ts';
import type { KeyRefusal } from './contract.ts';

export type KeyRecord = {
  keyId: string;
  versionId: string;
  version: number;
  name: string;
  role: Role;
  scopes: readonly string[];
  ratePerMinute: number | null;
  networks: readonly Network[];
  expiresAt: Date | null;
  revokedAt: Date | null;
  graceEndsAt: Date | null;
  rehearsalEndsAt: Date | null;
  endedAt: Date | null;
  /** Null for a key of the console's own; `gone` when the person is disabled or not there. */
  owner: 'gone' | Role | null;
};
type Network = [ipaddr.IPv4 | ipaddr.IPv6, number];

/** A network of IPv4 in IPv6 (`::ffff:10.0.0.0/104`) is the IPv4 network that it stands for, as such addresses are. */
export const parseNetworks = (addresses: readonly string[]): Network[] =>
  addresses.map((address) => {
    const [network, bits] = ipaddr.parseCIDR(address);
    const mapped = network instanceof ipaddr.IPv6 && network.isIPv4MappedAddress() && bits >= 96;
    return mapped ? [network.toIPv4Address(), bits - 96] : [network, bits];
  });

/** IPv4 in IPv6 (`::ffff:10.0.0.7`) counts as the IPv4 address that it is. */
function isWithin(address: string | null, networks: readonly Network[]): boolean {
  if (address === null || !ipaddr.isValid(address)) return false;
  const parsed = ipaddr.process(address);
  return networks.some(
    ([network, bits]) => network.kind() === parsed.kind() && parsed.match(network, bits),
  );
}

export function judge(record: KeyRecord, now: Date, address: string | null): KeyRefusal | null {
  const over = (at: Date | null) => at !== null && at <= now;
  if (record.revokedAt) return 'revoked';
  if (record.endedAt || over(record.graceEndsAt)) return 'ended';
  if (over(record.expiresAt)) return 'expired';
  if (record.owner === 'gone') return 'owner';
  if (record.rehearsalEndsAt && record.rehearsalEndsAt > now) return 'rehearsal';
  if (record.networks.length > 0 && !isWithin(address, record.networks)) return 'address';
  return null;
}

/** No key can do more than the person who owns it. */
export const effectiveRole = ({ role, owner }: Pick<KeyRecord, 'role' | 'owner'>): Role =>
  owner === null || owner === 'gone' || roleAllows(owner, role) ? role : owner;
