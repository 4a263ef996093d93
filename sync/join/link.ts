/**
 * The invite link: `lattice://join/` and, in base64url without padding:
 *
 *   version u8 · store id 32 · inviter key 32 · secret 32 · expires u64 BE, unix ms · role u8 (1 reader, 2 writer,
 *   3 admin) · uses u16 BE, 1 or more · count u8, at most 16 · per address: length u8, 1 or more, UTF-8 ·
 *   in version 2: flags u8 (1: waits for approval) · length u8, 1 to 64, the store's type · length u8, its name ·
 *   first 8 bytes of SHA-256("lattice/link/v1\0" ‖ all before)
 *
 * Version 1 says nothing about the store, and is still read. One link has one spelling; anything else is refused. The checksum finds typing errors and cut-off links; that a link
 * is genuine is for the inviter to say, who knows the secret's hash.
 */
import {
  compareBytes,
  concatBytes,
  encodeUtf8,
  equalBytes,
  parseHash,
  parsePublicKey,
  type Hash,
  type PublicKey,
  type StoreId,
} from '#kernel/core/bytes.ts'
import { taggedHash } from '#kernel/core/hash.ts'
import { err, invariant, latticeError, ok, type LatticeError, type Result } from '#kernel/core/result.ts'
import type { Role } from '#kernel/store/port.ts'

export const LINK_PREFIX = 'lattice://join/'
export const LINK_ADDRESSES_MAX = 16
export const LINK_ADDRESS_BYTES_MAX = 255
export const SECRET_LENGTH = 32
const USES_MAX = 0xffff
/** Longer than the longest link: all addresses, the type and the name at their longest. */
const LINK_CHARS_MAX = 8_192
const PLAIN_VERSION = 1
const VERSION = 2
const FLAG_APPROVAL = 1
const TYPE_BYTES_MAX = 64
const NAME_BYTES_MAX = 255
const CHECKSUM_LENGTH = 8
const ROLES: readonly Role[] = ['reader', 'writer', 'admin']

const linkHash = taggedHash('lattice/link/v1')
const secretHash = taggedHash('lattice/invite/v1')

export type LinkErrorKind = 'link-malformed' | 'link-damaged' | 'link-version' | 'invite-expired'
export type LinkError = LatticeError<LinkErrorKind>

export interface InviteLink {
  readonly storeId: StoreId
  readonly inviter: PublicKey
  /** 32 random bytes; whoever has it is let in. */
  readonly secret: Uint8Array
  readonly expiresMs: number
  readonly role: Role
  readonly uses: number
  /** Multiaddrs, best first. */
  readonly addresses: readonly string[]
  /** Undefined in a link of version 1. */
  readonly about?: LinkAbout | undefined
}

/** For showing, before anybody is asked. */
export interface LinkAbout {
  /** Of the store, 1 to 64 bytes. */
  readonly type: string
  /** Of the store, at most 255 bytes. */
  readonly name: string
  /** Whoever follows the link waits until an admin lets him in. */
  readonly approval: boolean
}

/** What the store keeps of the secret, and what names the invite: SHA-256("lattice/invite/v1\0" ‖ secret). */
export const hashSecret = (secret: Uint8Array): Hash => secretHash(secret)

/** Addresses beyond 16, or longer than 255 bytes, are left out. */
export const encodeLink = (link: InviteLink): string => {
  invariant(link.secret.length === SECRET_LENGTH, 'a secret has 32 bytes')
  invariant(link.uses >= 1 && link.uses <= USES_MAX, 'an invite is for 1 to 65,535 uses')
  invariant(Number.isSafeInteger(link.expiresMs) && link.expiresMs >= 0, 'an expiry is a time')
  const addresses = link.addresses
    .map((address) => encodeUtf8(address))
    .filter((bytes) => bytes.length > 0 && bytes.length <= LINK_ADDRESS_BYTES_MAX)
    .slice(0, LINK_ADDRESSES_MAX)
  const fixed = new DataView(new ArrayBuffer(12))
  fixed.setBigUint64(0, BigInt(link.expiresMs))
  fixed.setUint8(8, ROLES.indexOf(link.role) + 1)
  fixed.setUint16(9, link.uses)
  fixed.setUint8(11, addresses.length)
  const body = concatBytes(
    Uint8Array.of(link.about ? VERSION : PLAIN_VERSION),
    link.storeId,
    link.inviter,
    link.secret,
    new Uint8Array(fixed.buffer),
    ...addresses.flatMap((bytes) => [Uint8Array.of(bytes.length), bytes]),
    ...(link.about ? encodeAbout(link.about) : []),
  )
  const sealed = concatBytes(body, linkHash(body).subarray(0, CHECKSUM_LENGTH))
  return LINK_PREFIX + Buffer.from(sealed).toString('base64url')
}

const encodeAbout = ({ type, name, approval }: LinkAbout): readonly Uint8Array[] => {
  const [typeBytes, nameBytes] = [type, name].map((text) => encodeUtf8(text)) as [Uint8Array, Uint8Array]
  invariant(typeBytes.length >= 1 && typeBytes.length <= TYPE_BYTES_MAX, 'a type has 1 to 64 bytes')
  invariant(nameBytes.length <= NAME_BYTES_MAX, 'a name has at most 255 bytes')
  return [
    Uint8Array.of(approval ? FLAG_APPROVAL : 0, typeBytes.length),
    typeBytes,
    Uint8Array.of(nameBytes.length),
    nameBytes,
  ]
}

const malformed = (why: string): { ok: false; error: LinkError } =>
  err(latticeError('link-malformed', 'permanent', `this is not an invite link: ${why}`))

/** Strict. White space around the link is forgiven: links travel through mail and chat. */
export const decodeLink = (text: string): Result<InviteLink, LinkError> => {
  const trimmed = text.trim()
  if (!trimmed.startsWith(LINK_PREFIX)) return malformed(`it does not begin with ${LINK_PREFIX}`)
  const code = trimmed.slice(LINK_PREFIX.length)
  if (code.length > LINK_CHARS_MAX) return malformed('it is too long')
  if (/[^A-Za-z0-9_-]/.test(code)) return malformed('it has characters that do not belong')
  const sealed = new Uint8Array(Buffer.from(code, 'base64url'))
  if (sealed.length === 0) return malformed('it is empty')
  if (sealed[0] !== PLAIN_VERSION && sealed[0] !== VERSION)
    return err(latticeError('link-version', 'permanent', 'this invite link needs a newer version of Lattice'))
  const body = sealed.subarray(0, Math.max(0, sealed.length - CHECKSUM_LENGTH))
  const isWhole = equalBytes(sealed.subarray(body.length), linkHash(body).subarray(0, CHECKSUM_LENGTH))
  // Spare bits at the end are zero in the one right spelling.
  if (!isWhole || Buffer.from(sealed).toString('base64url') !== code)
    return err(latticeError('link-damaged', 'permanent', 'the invite link is incomplete or was changed: copy it again'))
  return decodeBody(body)
}

const FIXED_LENGTH = 1 + 32 + 32 + SECRET_LENGTH + 12

const decodeBody = (body: Uint8Array): Result<InviteLink, LinkError> => {
  if (body.length < FIXED_LENGTH) return malformed('it is too short')
  const storeId = parseHash(body.subarray(1, 33))
  const inviter = parsePublicKey(body.subarray(33, 65))
  invariant(storeId.ok && inviter.ok, 'slices of 32 bytes')
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength)
  const expires = view.getBigUint64(97)
  const role = ROLES[view.getUint8(105) - 1]
  const uses = view.getUint16(106)
  const count = view.getUint8(108)
  if (expires > BigInt(Number.MAX_SAFE_INTEGER)) return malformed('its expiry is no time')
  if (role === undefined) return malformed('its role is unknown')
  if (uses === 0 || count > LINK_ADDRESSES_MAX) return malformed('a number is out of range')
  const texts = new TextReader(body, FIXED_LENGTH)
  const addresses: string[] = []
  for (let i = 0; i < count; i++) {
    const address = texts.next()
    if (!address) return malformed('an address is cut off or not text')
    addresses.push(address)
  }
  const about = body[0] === VERSION ? decodeAbout(body[texts.at++], texts) : undefined
  if (body[0] === VERSION && !about) return malformed('what it says of the store is cut off or not text')
  if (texts.at !== body.length) return malformed('something follows its end')
  const secret = body.slice(65, 97)
  return ok({
    ...(about && { about }),
    storeId: storeId.value,
    inviter: inviter.value,
    secret,
    expiresMs: Number(expires),
    role,
    uses,
    addresses,
  })
}

const decodeAbout = (flags: number | undefined, texts: TextReader): LinkAbout | undefined => {
  const type = texts.next()
  const name = texts.next()
  if (flags === undefined || flags > FLAG_APPROVAL || !type || name === undefined) return undefined
  return encodeUtf8(type).length > TYPE_BYTES_MAX ? undefined : { type, name, approval: flags === FLAG_APPROVAL }
}

/** Texts that lie behind each other, each with its length before it in one byte. */
class TextReader {
  readonly #bytes: Uint8Array
  at: number

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes
    this.at = at
  }

  /** Undefined: cut off, or not UTF-8. */
  next(): string | undefined {
    const length = this.#bytes[this.at]
    if (length === undefined) return undefined
    const end = this.at + 1 + length
    const bytes = this.#bytes.subarray(this.at + 1, end)
    this.at = end
    return end > this.#bytes.length ? undefined : readUtf8(bytes)
  }
}

const readUtf8 = (bytes: Uint8Array): string | undefined => {
  const text = Buffer.from(bytes).toString('utf8')
  return compareBytes(encodeUtf8(text), bytes) === 0 ? text : undefined
}

/** Fails when the link's time is over by the clock here; the inviter judges by his own, too. */
export const checkExpiry = (link: InviteLink, nowMs: number): Result<void, LinkError> =>
  link.expiresMs > nowMs
    ? ok(undefined)
    : err(latticeError('invite-expired', 'permanent', 'the invite has expired: ask for a new one'))
