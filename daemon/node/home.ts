/**
 * The home of a node, one directory of mode 0700:
 *
 *     home.lock           held by the process that owns the home
 *     data/               the database: logs, states, indexes (LMDB, with a lock file of its own)
 *     blobs/              chunks that lie in no synced folder
 *     device.key          the seed of the device key, 32 bytes in hex, mode 0600; made once, never changed
 *     device.key.sealed   instead of it: the same text, sealed by the keychain of the system; base64
 *     config.json         what a person may edit while the node is stopped; members we do not know are kept
 *     lattice.sock        the RPC socket (see rpc/socket.ts for deep homes)
 *     log, log.1          what the node logged (see log.ts)
 *     web.token, web.url  the secret of the web UI, mode 0600, and where it is served (see ../web)
 */
import { randomUUID } from 'node:crypto'
import {
  chmodSync,
  closeSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { homedir, hostname } from 'node:os'
import { isAbsolute, join } from 'node:path'
import { bytesToHex, hexToBytes } from '#kernel/core/bytes.ts'
import { createSigner, generateSeed, SEED_LENGTH } from '#kernel/core/identity.ts'
import { err, latticeError, ok, type LatticeError, type Result } from '#kernel/core/result.ts'
import type { Signer } from '#kernel/core/signing.ts'
import { isQuietHoursList, type QuietHours } from './quiet-hours.ts'

export interface NodeConfig {
  /** What other devices call this one, at most 64 bytes. */
  readonly name: string
  /** Where folders go that come with a space or an invite and were given no path. Absolute. */
  readonly folders: string
  /** Multiaddrs to listen on. */
  readonly listen: readonly string[]
  /** Bytes of content a second that are sent, and fetched; 0: no limit. */
  readonly uploadLimit: number
  readonly downloadLimit: number
  /** When nothing is sent or fetched. */
  readonly quietHours: readonly QuietHours[]
  /** Find devices on the local network, and be found. */
  readonly localDiscovery: boolean
}

export type HomeErrorKind = 'home-unusable' | 'key-damaged' | 'key-sealed' | 'config-invalid'
type HomeResult<T> = Result<T, LatticeError<HomeErrorKind>>

const NAME_BYTES_MAX = 64

/** Every interface, a port that the system chooses: nothing to collide with, and peers learn it by mDNS or invite. */
const defaults = (): NodeConfig => ({
  name: truncateName(hostname().split('.')[0] || 'device'),
  folders: join(homedir(), 'Lattice'),
  listen: ['/ip4/0.0.0.0/tcp/0', '/ip6/::/tcp/0'],
  uploadLimit: 0,
  downloadLimit: 0,
  quietHours: [],
  localDiscovery: true,
})

/** At most 64 bytes, cut between characters. */
export const truncateName = (name: string): string => {
  let cut = name
  while (Buffer.byteLength(cut) > NAME_BYTES_MAX) cut = [...cut].slice(0, -1).join('')
  return cut
}

const writeDurably = (path: string, text: string): void => {
  const fd = openSync(path, 'wx', 0o600)
  try {
    writeSync(fd, text)
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

/** Makes the directory, and takes group and others their rights on it. */
export const prepareHome = (home: string): HomeResult<void> => {
  try {
    mkdirSync(home, { recursive: true, mode: 0o700 })
    if (!statSync(home).isDirectory())
      return err(latticeError('home-unusable', 'permanent', `${home} is not a directory`))
    chmodSync(home, 0o700)
    return ok(undefined)
  } catch (cause) {
    return err(latticeError('home-unusable', 'permanent', `cannot use ${home} as home: ${(cause as Error).message}`))
  }
}

/** The seed is for the transport, which proves the same key in its own way; everything else has the signer. */
export interface DeviceKey {
  readonly signer: Signer
  readonly seed: Uint8Array
  readonly keptIn: 'keychain' | 'file'
}

/** Seals texts with a secret that the system keeps for this person. Both throw when it refuses. */
export interface Keychain {
  seal(text: string): Uint8Array
  open(sealed: Uint8Array): string
}

/** What `device.key` holds. Undefined: it is damaged. */
export const parseSeed = (text: string): Uint8Array | undefined => {
  const seed = hexToBytes(text)
  return seed.ok && seed.value.length === SEED_LENGTH ? seed.value : undefined
}

/** Undefined: there is no such file. */
const readKeyFile = (path: string): HomeResult<string | undefined> => {
  try {
    const text = readFileSync(path, 'utf8').trim()
    chmodSync(path, 0o600)
    return ok(text)
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return ok(undefined)
    return err(latticeError('key-damaged', 'permanent', `cannot read ${path}: ${(cause as Error).message}`))
  }
}

/** Named only once it is whole: a key that another device has seen must never be made twice. */
const writeKeyFile = (path: string, text: string): void => {
  const fresh = `${path}.${randomUUID()}`
  writeDurably(fresh, `${text}\n`)
  linkSync(fresh, path)
  rmSync(fresh)
}

const asDeviceKey = (path: string, text: string, keptIn: DeviceKey['keptIn']): HomeResult<DeviceKey> => {
  const seed = parseSeed(text)
  if (seed !== undefined) return ok({ signer: createSigner(seed), seed, keptIn })
  const message = `${path} is damaged: restore it from a backup, or move it away to start as a new device`
  return err(latticeError('key-damaged', 'corrupt', message))
}

const openSealed = (path: string, sealed: string, keychain: Keychain | undefined): HomeResult<DeviceKey> => {
  if (keychain === undefined)
    return err(
      latticeError(
        'key-sealed',
        'permanent',
        `the device key in ${path} is sealed by the keychain of the system: open this home with the desktop app, in a session whose keychain is there`,
      ),
    )
  let text: string
  try {
    text = keychain.open(Buffer.from(sealed, 'base64'))
  } catch (cause) {
    const why = (cause as Error).message
    return err(
      latticeError(
        'key-sealed',
        'retryable',
        `the keychain of the system does not open the device key (${why}): unlock it and try again`,
      ),
    )
  }
  return asDeviceKey(path, text, 'keychain')
}

/** The key of a first start: sealed where there is a keychain that does it, else in a file that only its owner reads. */
const makeDeviceKey = (
  plainPath: string,
  sealedPath: string,
  keychain: Keychain | undefined,
): HomeResult<DeviceKey> => {
  const text = bytesToHex(generateSeed())
  if (keychain === undefined) {
    writeKeyFile(plainPath, text)
    return asDeviceKey(plainPath, text, 'file')
  }
  let sealed: string
  try {
    sealed = Buffer.from(keychain.seal(text)).toString('base64')
  } catch (cause) {
    const why = (cause as Error).message
    return err(
      latticeError('key-sealed', 'retryable', `the keychain of the system refuses (${why}): unlock it and try again`),
    )
  }
  writeKeyFile(sealedPath, sealed)
  // Read back before any device sees the key: what the keychain cannot open again would be lost.
  return openSealed(sealedPath, sealed, keychain)
}

/**
 * The device's key; made on the first start. The caller holds the lock of the home. A key stays where it was made: a
 * home that began without a keychain keeps its file.
 */
export const loadDeviceKey = (home: string, keychain?: Keychain): HomeResult<DeviceKey> => {
  const plainPath = join(home, 'device.key')
  const plain = readKeyFile(plainPath)
  if (!plain.ok) return plain
  if (plain.value !== undefined) return asDeviceKey(plainPath, plain.value, 'file')
  const sealedPath = `${plainPath}.sealed`
  const sealed = readKeyFile(sealedPath)
  if (!sealed.ok) return sealed
  if (sealed.value !== undefined) return openSealed(sealedPath, sealed.value, keychain)
  return makeDeviceKey(plainPath, sealedPath, keychain)
}

const isText = (value: unknown): value is string => typeof value === 'string' && value !== ''

/** The least that can be asked for: below it a peer would take the silence between two pieces for a broken link. */
export const LIMIT_MIN = 1024
const isLimit = (value: unknown): value is number =>
  value === 0 || (Number.isSafeInteger(value) && (value as number) >= LIMIT_MIN)

/** What is wrong with a configuration; undefined: nothing. */
export const faultOf = (config: Readonly<Record<keyof NodeConfig, unknown>>): string | undefined => {
  const { name, folders, listen, uploadLimit, downloadLimit, quietHours, localDiscovery } = config
  if (!isText(name) || name.trim() === '' || Buffer.byteLength(name) > NAME_BYTES_MAX)
    return `has no usable “name”: 1 to ${NAME_BYTES_MAX} bytes`
  if (!isText(folders) || !isAbsolute(folders)) return 'has no absolute path in “folders”'
  if (!Array.isArray(listen) || !listen.every(isText)) return 'has no list of addresses in “listen”'
  if (!isLimit(uploadLimit) || !isLimit(downloadLimit))
    return `has a limit that is neither 0 (none) nor at least ${LIMIT_MIN} bytes a second`
  if (!isQuietHoursList(quietHours)) return 'has no list of at most 32 times of the day in “quietHours”'
  return typeof localDiscovery === 'boolean' ? undefined : 'has neither true nor false in “localDiscovery”'
}

const parseMembers = (text: string): Result<object, string> => {
  let file: unknown
  try {
    file = JSON.parse(text)
  } catch (cause) {
    return err(`is not JSON: ${(cause as Error).message}`)
  }
  return typeof file === 'object' && file !== null && !Array.isArray(file) ? ok(file) : err('is not a JSON object')
}

/** What `config.json` holds, defaults where it says nothing; members we do not know are left out. */
export const parseConfig = (text: string): Result<NodeConfig, string> => {
  const members = parseMembers(text)
  if (!members.ok) return members
  const { name, folders, listen, uploadLimit, downloadLimit, quietHours, localDiscovery } = {
    ...defaults(),
    ...members.value,
  }
  const config = { name, folders, listen, uploadLimit, downloadLimit, quietHours, localDiscovery }
  const fault = faultOf(config)
  return fault === undefined ? ok(config) : err(fault)
}

/** Reads `config.json`; writes it with the defaults on the first start. */
export const loadConfig = (home: string, overrides: Partial<NodeConfig> = {}): HomeResult<NodeConfig> => {
  const path = join(home, 'config.json')
  const invalid = (why: string): HomeResult<never> => err(latticeError('config-invalid', 'permanent', `${path} ${why}`))
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT')
      return invalid(`cannot be read: ${(cause as Error).message}`)
    const config = { ...defaults(), ...overrides }
    saveConfig(home, config)
    return ok(config)
  }
  const config = parseConfig(text)
  return config.ok ? ok({ ...config.value, ...overrides }) : invalid(config.error)
}

export const saveConfig = (home: string, config: NodeConfig): void => replaceConfig(join(home, 'config.json'), config)

/** Replaces the file as a whole, or not at all. */
const replaceConfig = (path: string, config: object): void => {
  const fresh = `${path}.${randomUUID()}`
  writeDurably(fresh, `${JSON.stringify(config, null, 2)}\n`)
  renameSync(fresh, path)
}

/** Writes some members and leaves the rest of the file, what we do not know included, as it is. */
export const changeConfig = (home: string, changes: Partial<NodeConfig>): HomeResult<void> => {
  const path = join(home, 'config.json')
  try {
    const members = parseMembers(readFileSync(path, 'utf8'))
    if (!members.ok) return err(latticeError('config-invalid', 'permanent', `${path} ${members.error}`))
    replaceConfig(path, { ...members.value, ...changes })
    return ok(undefined)
  } catch (cause) {
    return err(latticeError('home-unusable', 'retryable', `cannot write ${path}: ${(cause as Error).message}`))
  }
}
