/**
 * Which addresses this program may connect to. Operators enter URLs, so server-side request forgery is considered: every address
 * is looked at when it is connected to, after DNS (and so at every redirect, and against names that change their mind). Link-local
 * and cloud metadata addresses are refused, also inside IPv6 forms that carry an IPv4 address. Private addresses are what a
 * console watches; the operator of the console may refuse more, or allow what is refused here.
 */
import { type LookupAddress, type LookupOptions, lookup } from 'node:dns';
import { isIP, Socket } from 'node:net';
import ipaddr from 'ipaddr.js';

export type AddressGuard = {
  /** Whether an IP address may not be connected to. */
  isRefused(address: string): boolean;
  /** Throws for a literal address that may not be connected to; these are never looked up. */
  refuseLiteral(hostname: string): void;
  /** Looks a name up and refuses it when any of its addresses may not be connected to. */
  lookup(
    hostname: string,
    options: LookupOptions,
    callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
  ): void;
  /** A socket that connects by TCP, by way of `lookup`, whatever it is asked for. */
  socket(): Socket;
};

// Metadata services that do not live on link-local addresses.
const metadata = new Set(['100.100.100.200', 'fd00:ec2::254', '192.0.0.192']);
const refusedRanges = new Set(['linkLocal', 'unspecified', 'multicast', 'broadcast']);

export class RefusedAddressError extends Error {
  readonly code = 'EADDRREFUSED';
  constructor(host: string, address: string) {
    super(`${host} resolves to ${address}, which is a link-local or cloud metadata address`);
  }
}

type Address = ipaddr.IPv4 | ipaddr.IPv6;

/** An address, and the IPv4 addresses that stand in it: mapped, compatible, NAT64, 6to4, Teredo, ISATAP. */
function formsOf(parsed: Address): Address[] {
  if (parsed instanceof ipaddr.IPv4) return [parsed];
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = parsed.parts;
  const v4 = (high: number, low: number) =>
    new ipaddr.IPv4([high >> 8, high & 255, low >> 8, low & 255]);
  const forms: Address[] = [parsed];
  const zeros = (a | b | c | d | e) === 0;
  if (zeros && (f === 0xffff || (f === 0 && (g !== 0 || h > 1)))) forms.push(v4(g, h));
  if (a === 0x64 && b === 0xff9b) forms.push(v4(g, h));
  if (a === 0x2002) forms.push(v4(b, c));
  if (a === 0x2001 && b === 0) forms.push(v4(c, d), v4(g ^ 0xffff, h ^ 0xffff));
  if (f === 0x5efe) forms.push(v4(g, h));
  return forms;
}

const within = (forms: readonly Address[], networks: readonly [Address, number][]) =>
  forms.some((form) =>
    networks.some(([network, bits]) => form.kind() === network.kind() && form.match(network, bits)),
  );

function networksOf(texts: readonly string[]): [Address, number][] {
  return texts.map((text) => {
    if (text.includes('/')) return ipaddr.parseCIDR(text);
    const address = ipaddr.parse(text);
    return [address, address instanceof ipaddr.IPv4 ? 32 : 128];
  });
}

export function createAddressGuard(
  options: { refuse?: readonly string[]; allow?: readonly string[] } = {},
): AddressGuard {
  const refuse = networksOf(options.refuse ?? []);
  const allow = networksOf(options.allow ?? []);
  const isRefused = (address: string): boolean => {
    if (!ipaddr.isValid(address)) return true;
    const parsed = ipaddr.parse(address);
    const forms = formsOf(parsed);
    if (within(forms, refuse)) return true;
    if (within(forms, allow)) return false;
    return forms.some((form) => refusedRanges.has(form.range()) || metadata.has(form.toString()));
  };
  const refuseLiteral = (hostname: string) => {
    const literal = hostname.replace(/^\[|\]$/g, '');
    if (isIP(literal) && isRefused(literal)) throw new RefusedAddressError(hostname, literal);
  };
  const guardedLookup: AddressGuard['lookup'] = (hostname, wanted, callback) => {
    lookup(hostname, { ...wanted, all: true }, (error, addresses) => {
      if (error) return callback(error, []);
      const refused = addresses.find((entry) => isRefused(entry.address));
      if (refused) return callback(new RefusedAddressError(hostname, refused.address), []);
      callback(null, addresses);
    });
  };
  return {
    isRefused,
    refuseLiteral,
    lookup: guardedLookup,
    socket() {
      const socket = new Socket();
      const connect = socket.connect.bind(socket);
      const guarded = (port: number | string, host?: string): Socket => {
        const name = host ?? 'localhost';
        try {
          // A path of this machine is no port.
          if (!/^\d+$/.test(String(port))) throw new RefusedAddressError(String(port), 'a path');
          refuseLiteral(name);
        } catch (error) {
          return socket.destroy(error instanceof Error ? error : new Error('refused'));
        }
        return connect({
          port: Number(port),
          host: name,
          lookup: (hostname, wanted, callback) =>
            guardedLookup(hostname, wanted, (error, addresses) =>
              wanted.all
                ? callback(error, addresses)
                : callback(error, addresses[0]?.address ?? '', addresses[0]?.family),
            ),
        });
      };
      return Object.assign(socket, { connect: guarded });
    },
  };
}
