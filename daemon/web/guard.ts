/**
 * What a request must be before anything looks at it. Pure: it sees the head of a request, and says what is wrong.
 *
 * Other pages in the same browser can send requests here, and can give their own name our address. So: the `Host` is
 * one of the names served, with the port (a name that was rebound to us is not ours); an `Origin`, if there is one, is
 * that of the very host (no other page may call); files are read by GET, calls are made by POST, and a call shows the
 * token. There are no cookies, so nothing is sent along by a browser on its own.
 */
import { isSameToken } from './token.ts'

/** Calls go to `/rpc/<service>/<method>`. */
export const RPC_PREFIX = '/rpc'
/** The longest body, in bytes. */
export const BODY_MAX = 1024 * 1024

export interface RequestHead {
  readonly method: string
  /** As in the request line. */
  readonly target: string
  /** Names and values in turn, as they came: a header that is given twice is there twice. */
  readonly rawHeaders: readonly string[]
}

export interface Refusal {
  readonly status: 400 | 401 | 403 | 405 | 413 | 421
  readonly message: string
  /** For 405: what would be taken. */
  readonly allow?: string
}

export type Verdict =
  | { readonly to: 'rpc' }
  | { readonly to: 'file'; readonly path: string }
  | { readonly to: 'nowhere'; readonly why: Refusal }

export interface Served {
  readonly port: number
  readonly token: string
}

const nowhere = (status: Refusal['status'], message: string, allow?: string): Verdict => ({
  to: 'nowhere',
  why: { status, message, ...(allow !== undefined && { allow }) },
})

/** Every value of a header, in order. */
const valuesOf = (rawHeaders: readonly string[], name: string): string[] =>
  rawHeaders.filter((_, i) => i % 2 === 1 && rawHeaders[i - 1]!.toLowerCase() === name)

/** The names of this server, as a browser puts them in `Host`. */
export const hostsServed = (port: number): readonly string[] => {
  const names = ['127.0.0.1', '[::1]', 'localhost']
  // Browsers leave out the port that is the default.
  return port === 80 ? [...names, ...names.map((name) => `${name}:80`)] : names.map((name) => `${name}:${port}`)
}

const hasToken = (rawHeaders: readonly string[], token: string): boolean => {
  const given = valuesOf(rawHeaders, 'authorization')
  const match = given.length === 1 ? /^Bearer +([\w.~+/=-]{1,256})$/i.exec(given[0]!) : null
  return isSameToken(match?.[1] ?? '', token)
}

/** Where a request goes. */
export const judge = ({ method, target, rawHeaders }: RequestHead, { port, token }: Served): Verdict => {
  const [host, ...moreHosts] = valuesOf(rawHeaders, 'host')
  if (host === undefined || moreHosts.length > 0 || !hostsServed(port).includes(host))
    return nowhere(421, 'this server does not go by that name')
  const origins = valuesOf(rawHeaders, 'origin')
  if (origins.some((origin) => origin !== `http://${host}`)) return nowhere(403, 'other pages may not call this server')
  if (!target.startsWith('/')) return nowhere(400, 'the request names no path')
  const [path = ''] = target.split('?')
  if (path !== RPC_PREFIX && !path.startsWith(`${RPC_PREFIX}/`))
    return method === 'GET' ? { to: 'file', path } : nowhere(405, 'files are read with GET', 'GET')
  if (method !== 'POST') return nowhere(405, 'calls are made with POST', 'POST')
  if (!hasToken(rawHeaders, token))
    return nowhere(401, 'the token is missing or wrong: open the address that `lattice web` prints')
  const [length] = valuesOf(rawHeaders, 'content-length')
  if (Number(length ?? 0) > BODY_MAX) return nowhere(413, 'the request is larger than 1 MiB')
  return { to: 'rpc' }
}
