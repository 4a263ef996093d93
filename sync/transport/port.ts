/**
 * Duplex byte streams between authenticated devices. Implementations: libp2p, memory (the simulator), later serial.
 * The layers above know only this file.
 */
import type { HexKey, PublicKey } from '#kernel/core/bytes.ts'
import type { LatticeError, Result } from '#kernel/core/result.ts'

export type TransportErrorKind =
  'unreachable' | 'refused' | 'closed' | 'protocol-unknown' | 'bad-address' | 'identity-mismatch'
export type TransportError = LatticeError<TransportErrorKind>

/** A stream that broke throws this from `read` and `write`, and nothing else. */
export class StreamClosedError extends Error {
  override readonly name = 'StreamClosedError'
}

/** One ordered, reliable, bidirectional byte stream to an authenticated peer. */
export interface ByteStream {
  readonly peer: PublicKey
  readonly protocol: string
  /** The next bytes, as they come; undefined: the peer ended its side. Not reading is the back-pressure. */
  read(): Promise<Uint8Array | undefined>
  /**
   * As `read`, where the reader knows how much it waits for: resolves when `target` is full, or the peer ended its
   * side, with how many bytes came. Spares much of what a long read costs; not every stream has it.
   */
  readInto?(target: Uint8Array): Promise<number>
  /**
   * Resolves when the transport would take more; at most 1 MiB is buffered below. The bytes must not change before;
   * then they are the caller's again.
   */
  write(bytes: Uint8Array): Promise<void>
  /** Ends our side; the peer still may write. */
  end(): Promise<void>
  /** Both sides, at once. */
  abort(reason: string): void
}

export interface Connection {
  readonly peer: PublicKey
  readonly peerKey: HexKey
  readonly remoteAddress: string
  readonly direct: boolean
  readonly latencyMs: number | undefined
}

export interface TransportEvents {
  /** The first connection to a peer came up. */
  connected(connection: Connection): void
  /** The last connection to a peer is gone. */
  disconnected(peer: PublicKey): void
  /** Addresses of ours changed (new interface, relay reservation). */
  addresses(addresses: readonly string[]): void
  /** A peer was seen on the local network; not connected yet. */
  discovered(peer: PublicKey, addresses: readonly string[]): void
}

export interface Transport extends AsyncDisposable {
  readonly self: PublicKey
  addresses(): readonly string[]
  connections(): readonly Connection[]
  /** Dials until one address works. Addresses are multiaddrs; the identity reached must be `peer`. */
  connect(
    peer: PublicKey,
    addresses: readonly string[],
    signal?: AbortSignal,
  ): Promise<Result<Connection, TransportError>>
  disconnect(peer: PublicKey): Promise<void>
  /** Opens a stream on a live connection. `bulk` streams may take a faster lane and yield to the others. */
  open(
    peer: PublicKey,
    protocol: string,
    options?: { readonly bulk?: boolean; readonly signal?: AbortSignal },
  ): Promise<Result<ByteStream, TransportError>>
  /** Serves a protocol; at most `maxPerPeer` streams of it at once per peer, excess is reset. Returns the undo. */
  handle(
    protocol: string,
    options: { readonly maxPerPeer: number },
    handler: (stream: ByteStream) => Promise<void>,
  ): () => void
  on<K extends keyof TransportEvents>(event: K, listener: TransportEvents[K]): () => void
  /** Payload bytes since start, all connections. */
  readonly bytesSent: number
  readonly bytesReceived: number
}
