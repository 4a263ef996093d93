/**
 * What the window can load: the files of the built interface under `lattice-app://app/`, and the page that says why the
 * interface is not there, `lattice-app://failure/`. Nothing else has an address: a request is looked up in the list of
 * the files, so no path leads out of it, and every other scheme is refused (security.ts).
 */
import { readdirSync, readFileSync } from 'node:fs'
import { extname, join } from 'node:path'
import { protocol, type Session } from 'electron'
import { failureStyle } from './failure-page.ts'

export const SCHEME = 'lattice-app'
export const APP_ORIGIN = `${SCHEME}://app`
export const APP_URL = `${APP_ORIGIN}/`
export const FAILURE_URL = `${SCHEME}://failure/`

export const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data: blob:",
  "font-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

/** The place of the app that the page shows, such as "/conflicts"; undefined: it is not the app's page. */
export const placeIn = (url: string): string | undefined =>
  url === APP_URL || url.startsWith(`${APP_URL}#`) ? url.slice(APP_URL.length + 1) || '/' : undefined

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.wasm': 'application/wasm',
}

/** Before the app is ready: the scheme has origins, and counts as secure. */
export const registerScheme = (): void =>
  protocol.registerSchemesAsPrivileged([{ scheme: SCHEME, privileges: { standard: true, secure: true } }])

const answer = (status: number, type: string, body: string | Uint8Array<ArrayBuffer>): Response =>
  new Response(body, {
    status,
    headers: {
      'content-type': type,
      'content-security-policy': CONTENT_SECURITY_POLICY,
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cross-origin-opener-policy': 'same-origin',
      'cache-control': 'no-store',
    },
  })

const notFound = (): Response => answer(404, 'text/plain; charset=utf-8', 'not found')

/** Address → file. */
const listFiles = (directory: string, address = ''): ReadonlyMap<string, string> => {
  const files = new Map<string, string>()
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name)
    const at = `${address}/${entry.name}`
    if (entry.isFile()) files.set(at, path)
    else if (entry.isDirectory()) for (const [inner, found] of listFiles(path, at)) files.set(inner, found)
  }
  return files
}

const serveFile = (files: ReadonlyMap<string, string>, pathname: string): Response => {
  const path = files.get(pathname === '/' ? '/index.html' : pathname)
  const type = path && TYPES[extname(path)]
  return path && type ? answer(200, type, new Uint8Array(readFileSync(path))) : notFound()
}

/** Resolves once a page has the scripts and styles that it names: its process goes on by itself then. */
const pageServed = (session: Session, page: string): Promise<void> =>
  new Promise((resolve) => {
    const awaited = new Set(page.match(/\/assets\/[^"]+\.(?:js|css)/g))
    session.webRequest.onCompleted(({ url }) => {
      awaited.delete(new URL(url).pathname)
      if (awaited.size > 0) return
      session.webRequest.onCompleted(null)
      resolve()
    })
  })

/** `failurePage` is asked at every load of it. Resolves once the interface was served for the first time. */
export const servePages = (session: Session, webDirectory: string, failurePage: () => string): Promise<void> => {
  const files = listFiles(webDirectory)
  session.protocol.handle(SCHEME, ({ url, method }) => {
    const { host, pathname } = new URL(url)
    if (method !== 'GET') return notFound()
    if (host === 'app') return serveFile(files, pathname)
    if (host === 'failure' && pathname === '/') return answer(200, TYPES['.html']!, failurePage())
    if (host === 'failure' && pathname === '/failure.css') return answer(200, TYPES['.css']!, failureStyle)
    return notFound()
  })
  const page = files.get('/index.html')
  return pageServed(session, page === undefined ? '' : readFileSync(page, 'utf8'))
}
