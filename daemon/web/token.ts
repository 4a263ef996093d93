/**
 * The secret that a browser must show: 256 random bits as base64url, in `<home>/web.token` (mode 0600), made at first
 * use. To have another one, delete the file and start the node again.
 */
import { createHash, randomBytes, randomUUID, timingSafeEqual } from 'node:crypto'
import { chmodSync, linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { err, latticeError, ok, type LatticeError, type Result } from '#kernel/core/result.ts'

const TOKEN_BYTES = 32

const tokenPath = (home: string): string => join(home, 'web.token')

/** What `web.token` holds; undefined: it is damaged. */
export const parseToken = (text: string): string | undefined => {
  const token = text.trim()
  return /^[A-Za-z0-9_-]{43}$/.test(token) ? token : undefined
}

/** The token of a home that has one. Kinds: `web-token-missing`, `web-token-damaged`. */
export const readToken = (home: string): Result<string, LatticeError> => {
  const path = tokenPath(home)
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    return code === 'ENOENT'
      ? err(latticeError('web-token-missing', 'permanent', 'this node has served no web page yet'))
      : err(latticeError('web-token-damaged', 'permanent', `cannot read ${path}: ${message}`))
  }
  const token = parseToken(text)
  return token === undefined
    ? err(latticeError('web-token-damaged', 'corrupt', `${path} is damaged: delete it to have a new one made`))
    : ok(token)
}

/** The token of the home; made if there is none. The caller holds the lock of the home. */
export const loadToken = (home: string): Result<string, LatticeError> => {
  const path = tokenPath(home)
  const known = readToken(home)
  if (known.ok) chmodSync(path, 0o600)
  if (known.ok || known.error.kind !== 'web-token-missing') return known
  const token = randomBytes(TOKEN_BYTES).toString('base64url')
  // Named only once it is whole.
  const fresh = `${path}.${randomUUID()}`
  writeFileSync(fresh, `${token}\n`, { mode: 0o600, flag: 'wx', flush: true })
  linkSync(fresh, path)
  rmSync(fresh)
  return ok(token)
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest()

/** In a time that tells nothing of either: what is compared are hashes of one length. */
export const isSameToken = (given: string, token: string): boolean => timingSafeEqual(digest(given), digest(token))
