/**
 * The certificate of a bulk lane: self-signed, and its key *is* the device's Ed25519 key. So TLS 1.3 itself proves who
 * is at the other end (CertificateVerify is signed with that key), and checking a peer is comparing 32 bytes; nothing
 * else in the certificate means anything, and nothing else of it is read.
 *
 * The device key thereby signs three kinds of bytes: intention hashes (32 bytes), libp2p's handshakes (their own
 * prefixes) and TLS (64 spaces and a context string, or a certificate body): none can be taken for another.
 */
import { createPrivateKey, sign } from 'node:crypto'
import type { DetailedPeerCertificate, PeerCertificate, TLSSocket } from 'node:tls'
import type { Ed25519PrivateKey } from '@libp2p/interface'
import { concatBytes, parsePublicKey, type PublicKey } from '#kernel/core/bytes.ts'

export interface LaneCredentials {
  /** PEM */
  readonly key: string
  /** PEM */
  readonly cert: string
}

const SEQUENCE = 0x30
const ED25519 = Uint8Array.of(SEQUENCE, 5, 0x06, 3, 0x2b, 0x65, 0x70)
/** SubjectPublicKeyInfo of an Ed25519 key, up to the 32 bytes of the key. */
const SPKI_PREFIX = Uint8Array.of(SEQUENCE, 42, ...ED25519, 0x03, 33, 0)
/** PKCS #8 of an Ed25519 key, up to the 32 bytes of the seed. */
const PKCS8_PREFIX = Uint8Array.of(SEQUENCE, 46, 0x02, 1, 0, ...ED25519, 0x04, 34, 0x04, 32)

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text)

/** One DER element. Contents here stay below 64 KiB. */
const der = (tag: number, ...contents: readonly Uint8Array[]): Uint8Array => {
  const content = concatBytes(...contents)
  const n = content.length
  const length = n < 128 ? [n] : n < 256 ? [0x81, n] : [0x82, n >> 8, n & 0xff]
  return concatBytes(Uint8Array.of(tag, ...length), content)
}

const commonName = (name: string): Uint8Array =>
  der(SEQUENCE, der(0x31, der(SEQUENCE, Uint8Array.of(0x06, 3, 0x55, 4, 3), der(0x0c, ascii(name)))))

/** Always valid: the key is trusted or not by the space, not by the calendar, and clocks are wrong. */
const validity = (): Uint8Array => der(SEQUENCE, der(0x17, ascii('700101000000Z')), der(0x18, ascii('99991231235959Z')))

const pem = (label: string, bytes: Uint8Array): string =>
  `-----BEGIN ${label}-----\n${Buffer.from(bytes).toString('base64').replaceAll(/.{64}/g, '$&\n').trimEnd()}\n-----END ${label}-----\n`

/** The credentials of a device. The same bytes for the same key. */
export const laneCredentials = (deviceKey: Ed25519PrivateKey): LaneCredentials => {
  const pkcs8 = concatBytes(PKCS8_PREFIX, deviceKey.raw.subarray(0, 32))
  const body = der(
    SEQUENCE,
    der(0xa0, der(0x02, Uint8Array.of(2))),
    der(0x02, Uint8Array.of(1)),
    ED25519,
    commonName('lattice'),
    validity(),
    commonName('lattice'),
    concatBytes(SPKI_PREFIX, deviceKey.publicKey.raw),
  )
  const key = createPrivateKey({ key: Buffer.from(pkcs8), format: 'der', type: 'pkcs8' })
  const certificate = der(SEQUENCE, body, ED25519, der(0x03, Uint8Array.of(0), sign(null, body, key)))
  return { key: pem('PRIVATE KEY', pkcs8), cert: pem('CERTIFICATE', certificate) }
}

const hasCertificate = (found: PeerCertificate | DetailedPeerCertificate): boolean => found.raw instanceof Uint8Array

/** The device at the other end, after the handshake; undefined when it showed no key of a device. */
export const laneDevice = (socket: TLSSocket): PublicKey | undefined => {
  if (!hasCertificate(socket.getPeerCertificate())) return undefined
  const key = socket.getPeerX509Certificate()?.publicKey
  if (key?.asymmetricKeyType !== 'ed25519') return undefined
  const parsed = parsePublicKey(key.export({ format: 'der', type: 'spki' }).subarray(SPKI_PREFIX.length))
  return parsed.ok ? parsed.value : undefined
}
