/**
 * Finding devices on the local network: multicast DNS, service `_lattice._udp.local`.
 *
 * One socket for each IPv4 address of the machine: a single one sends on one interface only, so that a VPN would make
 * discovery one-way. The interfaces are looked at again with every query, because laptops change networks. Answers
 * are untrusted hints: an address is believed only once the dial proves the key.
 */
import { networkInterfaces } from 'node:os'
import type { PeerId } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import multicastDns from 'multicast-dns'
import type { PublicKey } from '#kernel/core/bytes.ts'
import { deviceOf } from './identity.ts'

const SERVICE = '_lattice._udp.local'
const TTL_SECONDS = 120
/** The first queries come quickly, for a device that was just switched on; then the interval doubles to the last. */
const QUERY_FIRST_MS = 1_000
const QUERY_LAST_MS = 60_000
/** Per answer; more are ignored. */
const ADDRESSES_MAX = 16
const ADDRESS_LENGTH_MAX = 255

interface LocalDiscoveryInit {
  readonly self: PeerId
  readonly addresses: () => readonly string[]
  readonly found: (peer: PublicKey, addresses: readonly string[]) => void
}

type Socket = multicastDns.MulticastDNS

export class LocalDiscovery {
  readonly #init: LocalDiscoveryInit
  readonly #sockets = new Map<string, Socket>()
  #timer: NodeJS.Timeout | undefined
  #delayMs = QUERY_FIRST_MS

  constructor(init: LocalDiscoveryInit) {
    this.#init = init
  }

  start(): void {
    this.#refreshSockets()
    for (const [address, socket] of this.#sockets) {
      socket.query(SERVICE, 'PTR')
      this.#answer(address, socket)
    }
    this.#timer = setTimeout(() => this.start(), this.#delayMs)
    this.#timer.unref()
    this.#delayMs = Math.min(2 * this.#delayMs, QUERY_LAST_MS)
  }

  stop(): void {
    clearTimeout(this.#timer)
    for (const socket of this.#sockets.values()) socket.destroy()
    this.#sockets.clear()
  }

  #refreshSockets(): void {
    const present = new Set(
      Object.values(networkInterfaces()).flatMap((list) =>
        (list ?? []).filter((entry) => entry.family === 'IPv4').map((entry) => entry.address),
      ),
    )
    for (const [address, socket] of this.#sockets)
      if (!present.has(address)) {
        socket.destroy()
        this.#sockets.delete(address)
      }
    for (const address of present) if (!this.#sockets.has(address)) this.#open(address)
  }

  #open(address: string): void {
    const socket = multicastDns({ interface: address, bind: '0.0.0.0', reuseAddr: true })
    this.#sockets.set(address, socket)
    socket.on('query', ({ questions }) => {
      if (questions.some(({ name, type }) => name === SERVICE && type === 'PTR')) this.#answer(address, socket)
    })
    socket.on('response', (response) => this.#onResponse(response))
    // The interface went away, or has no multicast: the next query looks again.
    const drop = (): void => {
      socket.destroy()
      if (this.#sockets.get(address) === socket) this.#sockets.delete(address)
    }
    socket.on('error', drop)
    socket.on('warning', () => undefined) // A packet that does not decode: anyone can send one.
  }

  /** Says where we are: the addresses a device on this interface's network may reach. */
  #answer(address: string, socket: Socket): void {
    const own = this.#init.addresses().filter((text) => isReachable(text, address))
    if (own.length === 0) return
    const name = `${this.#init.self.toString()}.${SERVICE}`
    const data = own.slice(0, ADDRESSES_MAX).map((text) => `dnsaddr=${text}`)
    socket.respond({
      answers: [
        { name: SERVICE, type: 'PTR', class: 'IN', ttl: TTL_SECONDS, data: name },
        { name, type: 'TXT', class: 'IN', ttl: TTL_SECONDS, data },
      ],
    })
  }

  #onResponse(response: multicastDns.ResponsePacket): void {
    for (const record of [...response.answers, ...response.additionals]) {
      if (record.type !== 'TXT' || !record.name.endsWith(`.${SERVICE}`)) continue
      const found = parseAnnouncement(record.name, record.data)
      if (!found || found.peerId.equals(this.#init.self)) continue
      const peer = deviceOf(found.peerId)
      if (peer) this.#init.found(peer, found.addresses)
    }
  }
}

/** Loopback is for this machine only. */
const isReachable = (text: string, interfaceAddress: string): boolean => {
  const host = multiaddr(text).getComponents()[0]
  const isLoopback = host?.value?.startsWith('127.') === true || host?.value === '::1'
  return isLoopback === interfaceAddress.startsWith('127.')
}

/** A TXT record of the service, as found: bytes of anyone on the network. Undefined when it is not one of ours. */
export const parseAnnouncement = (
  name: string,
  data: unknown,
): { readonly peerId: PeerId; readonly addresses: readonly string[] } | undefined => {
  try {
    const peerId = peerIdFromString(name.slice(0, -SERVICE.length - 1))
    const addresses = (Array.isArray(data) ? data : [data])
      .slice(0, ADDRESSES_MAX)
      .map((entry) => (entry instanceof Uint8Array ? Buffer.from(entry).toString() : String(entry)))
      .filter((entry) => entry.startsWith('dnsaddr=') && entry.length <= ADDRESS_LENGTH_MAX)
      .map((entry) => multiaddr(entry.slice('dnsaddr='.length)).toString())
    return addresses.length > 0 ? { peerId, addresses } : undefined
  } catch {
    return undefined
  }
}
