/**
 * Bulk lanes: one dedicated TLS socket per stream, because yamux inside tls costs a core three times as much.
 *
 * The opener asks over the authenticated connection (`/lattice/lane/1`) and gets a port and a token that is good once
 * and for a few seconds; it connects, both sides check that the other's certificate holds exactly the expected device
 * key, and the token ties the socket to the request. Whatever goes wrong, the opener falls back to a muxed stream, which
 * then takes the place of the token: a lane that was not made holds nothing up. Tokens and lanes go with the connection
 * over which they were asked for, though the peer may have another by then.
 *
 * A stranger can do little to the port: while no token is out, connections are closed before a byte is read; otherwise
 * at most `PENDING_MAX` are in their handshake, each for at most `HANDSHAKE_MS`.
 */
import { randomBytes } from 'node:crypto'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { TLSSocket, type SecureVersion } from 'node:tls'
import { bytesToHex, equalBytes, type HexKey, type PublicKey } from '#kernel/core/bytes.ts'
import { err, ok, type Result } from '#kernel/core/result.ts'
import type { ByteStream, TransportError } from '../port.ts'
import { protocolUnknown, tooManyStreams } from './errors.ts'
import { laneDevice, type LaneCredentials } from './lane-certificate.ts'
import {
  decodeReply,
  decodeRequest,
  encodeReply,
  encodeRequest,
  LANE_PROTOCOL,
  parseToken,
  REPLY_MAX,
  REQUEST_MAX,
  TOKEN_LENGTH,
  type LaneReply,
  type LaneToken,
} from './lane-messages.ts'
import { acceptedLane, connectLane, type LaneSocket } from './lane-socket.ts'
import { LaneStream } from './lane-stream.ts'
import type { Counters, MuxedStream } from './muxed-stream.ts'
import type { Admission, Protocols } from './protocols.ts'
import { readMessage, readSocket } from './read-exactly.ts'

/** From the request to the lane; a lane that is slower to make than this is not worth waiting for. */
export const OPEN_MS = 3_000
/** How long a token is good, and how long a socket may take from its connection to its token. */
export const HANDSHAKE_MS = 4_000
export const PENDING_MAX = 32
export const TOKENS_MAX = 64
const ACCEPTED = 1

/** The signatures are said because BoringSSL, which Electron has, leaves Ed25519 out of what it offers by itself. */
const tls13 = {
  minVersion: 'TLSv1.3',
  maxVersion: 'TLSv1.3',
  sigalgs: 'ed25519',
  rejectUnauthorized: false,
} as const satisfies {
  minVersion: SecureVersion
  maxVersion: SecureVersion
  sigalgs: 'ed25519'
  rejectUnauthorized: false
}

interface Expected {
  readonly peer: PublicKey
  readonly connectionId: string
  readonly protocol: string
  readonly admission: Admission
  readonly expiry: NodeJS.Timeout
}

export interface LanesInit {
  readonly credentials: LaneCredentials
  readonly protocols: Protocols
  readonly counters: Counters
}

/** Why there is no lane: the caller falls back. */
export const NO_LANE = 'no-lane'

export class Lanes {
  readonly #init: LanesInit
  readonly #expected = new Map<HexKey, Expected>()
  readonly #pending = new Set<Socket>()
  /** By the id of their connection. */
  readonly #streams = new Map<string, Set<LaneStream>>()
  #server: Server | undefined

  constructor(init: LanesInit) {
    this.#init = init
  }

  /** Listens. `host` undefined: every address. Throws the socket's error. */
  async listen(host: string | undefined, port: number): Promise<void> {
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#onSocket(socket))
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen({ host, port }, () => {
        server.off('error', reject)
        resolve()
      })
    })
    // A failed accept (out of descriptors) costs that lane only: its opener falls back.
    server.on('error', () => undefined)
    this.#server = server
  }

  get port(): number {
    return (this.#server?.address() as AddressInfo | null | undefined)?.port ?? 0
  }

  /** Sockets in their handshake; bounded. */
  get pending(): number {
    return this.#pending.size
  }

  /** Serves the control protocol. */
  async serveControl(control: MuxedStream): Promise<void> {
    const deadline = setTimeout(() => control.abort('no lane request in time'), HANDSHAKE_MS)
    try {
      const request = await readMessage(control, REQUEST_MAX)
      const protocol = request && decodeRequest(request)
      if (!protocol?.ok) return control.abort('not a lane request')
      await control.write(encodeReply(this.#grant(control, protocol.value)))
      await control.end()
    } finally {
      clearTimeout(deadline)
    }
  }

  #grant({ peer, connectionId }: MuxedStream, protocol: string): LaneReply {
    if (protocol === LANE_PROTOCOL) return { kind: 'protocol-unknown' }
    if (this.port === 0 || this.#expected.size >= TOKENS_MAX) return { kind: NO_LANE }
    const admission = this.#init.protocols.admit(peer, protocol)
    if (typeof admission === 'string') return { kind: admission }
    const token = new Uint8Array(randomBytes(TOKEN_LENGTH)) as LaneToken
    const key = bytesToHex(token)
    const expiry = setTimeout(() => this.#revoke(key), HANDSHAKE_MS)
    this.#expected.set(key, { peer, connectionId, protocol, admission, expiry })
    return { kind: 'granted', port: this.port, token }
  }

  /** The token is good for nothing any more. */
  #revoke(key: HexKey): void {
    const expected = this.#expected.get(key)
    if (!expected) return
    this.#expected.delete(key)
    clearTimeout(expected.expiry)
    expected.admission.release()
  }

  /**
   * The peer opens a muxed stream of the protocol and all its places are taken: if one of them is a token's, its oldest,
   * the peer could not make that lane, and the place is free again. False: there was none.
   */
  yieldPlace(peer: PublicKey, protocol: string): boolean {
    const isTheirs = (expected: Expected): boolean => expected.protocol === protocol && equalBytes(expected.peer, peer)
    const oldest = [...this.#expected].find(([, expected]) => isTheirs(expected))
    if (oldest) this.#revoke(oldest[0])
    return oldest !== undefined
  }

  /** The opener's side. `control` is a fresh stream of the control protocol, `host` where the peer's address is. */
  async open(
    control: MuxedStream,
    host: string,
    protocol: string,
    signal: AbortSignal,
  ): Promise<Result<ByteStream, TransportError> | typeof NO_LANE> {
    const request = encodeRequest(protocol)
    if (!request) return NO_LANE
    const abort = (): void => control.abort('no lane in time')
    signal.addEventListener('abort', abort, { once: true })
    try {
      await control.write(request)
      await control.end()
      const answer = await readMessage(control, REPLY_MAX)
      const reply = answer && decodeReply(answer)
      if (!reply?.ok) return NO_LANE
      switch (reply.value.kind) {
        case 'protocol-unknown':
          return err(protocolUnknown(protocol))
        case 'too-many':
          return err(tooManyStreams(protocol))
        case NO_LANE:
          return NO_LANE
        case 'granted': {
          const lane = await this.#connect(control.peer, host, reply.value.port, reply.value.token, signal)
          return ok(this.#adopt(lane, control, protocol))
        }
      }
    } catch {
      return NO_LANE // Unreachable, too slow, or not the device: the muxed stream is there in any case.
    } finally {
      signal.removeEventListener('abort', abort)
    }
  }

  async #connect(
    peer: PublicKey,
    host: string,
    port: number,
    token: LaneToken,
    signal: AbortSignal,
  ): Promise<LaneSocket> {
    // `allowHalfOpen` is documented but not in Node's types.
    const options = { ...this.#init.credentials, ...tls13, host, port, allowHalfOpen: true }
    const lane = connectLane(options)
    const { socket } = lane
    const abort = (): void => void socket.destroy(new Error('no lane in time'))
    signal.addEventListener('abort', abort, { once: true })
    try {
      await new Promise<void>((resolve, reject) => {
        socket.once('secureConnect', resolve)
        socket.once('close', () => reject(new Error('the lane was closed')))
        socket.on('error', reject)
      })
      const device = laneDevice(socket)
      if (!device || !equalBytes(device, peer)) throw new Error('another device answers on the lane')
      socket.write(token)
      if ((await readSocket(lane, 1))[0] !== ACCEPTED) throw new Error('the lane was refused')
      signal.throwIfAborted()
      return lane
    } catch (error) {
      socket.destroy()
      throw error
    } finally {
      signal.removeEventListener('abort', abort)
    }
  }

  #onSocket(socket: Socket): void {
    if (this.#expected.size === 0 || this.#pending.size >= PENDING_MAX) return void socket.destroy()
    this.#pending.add(socket)
    const secured = new TLSSocket(socket, { ...this.#init.credentials, ...tls13, isServer: true, requestCert: true })
    const deadline = setTimeout(() => secured.destroy(new Error('the handshake took too long')), HANDSHAKE_MS)
    const settle = (): void => {
      clearTimeout(deadline)
      this.#pending.delete(socket)
    }
    secured.once('close', settle)
    secured.on('error', () => undefined) // Also ends in `close`; a stranger's handshake failing is not news.
    secured.once('secure', () => {
      this.#accept(secured).then(settle, () => secured.destroy())
    })
  }

  async #accept(socket: TLSSocket): Promise<void> {
    const lane = acceptedLane(socket)
    const device = laneDevice(socket)
    if (!device) throw new Error('no device key')
    const token = parseToken(await readSocket(lane, TOKEN_LENGTH))
    const key = token.ok ? bytesToHex(token.value) : undefined
    const expected = key === undefined ? undefined : this.#expected.get(key)
    if (key === undefined || !expected || !equalBytes(expected.peer, device)) throw new Error('unknown token')
    this.#expected.delete(key)
    clearTimeout(expected.expiry)
    socket.write(Uint8Array.of(ACCEPTED))
    expected.admission.serve(this.#adopt(lane, expected, expected.protocol))
  }

  #adopt(
    lane: LaneSocket,
    { peer, connectionId }: Pick<Expected, 'peer' | 'connectionId'>,
    protocol: string,
  ): LaneStream {
    const stream = new LaneStream(lane, peer, protocol, this.#init.counters)
    const streams = this.#streams.get(connectionId) ?? new Set()
    this.#streams.set(connectionId, streams.add(stream))
    stream.onGone(() => {
      streams.delete(stream)
      if (streams.size === 0 && this.#streams.get(connectionId) === streams) this.#streams.delete(connectionId)
    })
    return stream
  }

  /** The connection is gone, and with it what was arranged over it. */
  drop(connectionId: string): void {
    for (const [key, expected] of [...this.#expected]) if (expected.connectionId === connectionId) this.#revoke(key)
    for (const stream of [...(this.#streams.get(connectionId) ?? [])]) stream.abort('the connection went away')
  }

  async close(): Promise<void> {
    for (const key of [...this.#expected.keys()]) this.#revoke(key)
    for (const streams of this.#streams.values()) for (const stream of [...streams]) stream.abort('the node stops')
    for (const socket of this.#pending) socket.destroy()
    const server = this.#server
    this.#server = undefined
    if (server) await new Promise<void>((resolve) => server.close(() => resolve()))
  }
}
