/**
 * The files of the web UI, read into memory at the start: what is served is looked up in this map by its exact URL
 * path, so no path of a request ever reaches the file system.
 *
 * At most 2,000 files and 64 MiB; symbolic links are left out.
 */
import { existsSync, readdirSync, readFileSync, type Dirent } from 'node:fs'
import { extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { err, latticeError, ok, type LatticeError, type Result } from '#kernel/core/result.ts'

export interface WebFile {
  readonly body: Buffer
  readonly type: string
  /** Its name changes with its content. */
  readonly immutable: boolean
}

/** By URL path, such as `/assets/index-4fK2x9aB.js`; `/` is the page. */
export type WebFiles = ReadonlyMap<string, WebFile>

const FILES_MAX = 2_000
const BYTES_MAX = 64 * 1024 * 1024

const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.ico': 'image/x-icon',
  '.jpg': 'image/jpeg',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.mjs': 'text/javascript; charset=utf-8',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
  '.wasm': 'application/wasm',
  '.webmanifest': 'application/manifest+json',
  '.webp': 'image/webp',
  '.woff2': 'font/woff2',
}

/** As Vite names what it builds: `name-` and eight characters of a hash. */
const HASHED = /-[\w-]{8}\.[a-z0-9]+$/

const NOT_BUILT = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Lattice</title>
<h1>Lattice is running</h1>
<p>The user interface is not built in this checkout. The command line is all there: <code>lattice status</code>.</p>
</html>
`

/** Where the build puts the UI: beside the bundle, in `build/web`; seen from the sources it is the same directory. */
export const defaultWebDirectory = (): string => {
  const beside = fileURLToPath(new URL('.', import.meta.url))
  // The bundle lies flat in `build/`; this file lies two directories below the root.
  return import.meta.url.endsWith('.ts') ? join(beside, '../../build/web') : join(beside, 'web')
}

const entriesOf = (directory: string): Dirent[] =>
  existsSync(directory) ? readdirSync(directory, { withFileTypes: true }) : []

const collectFiles = (directory: string): Map<string, WebFile> | undefined => {
  const files = new Map<string, WebFile>()
  let bytes = 0
  const read = (at: string, urlPath: string): boolean => {
    for (const entry of entriesOf(at)) {
      const path = join(at, entry.name)
      const url = `${urlPath}/${encodeURIComponent(entry.name)}`
      if (entry.isDirectory() && !read(path, url)) return false
      // Source maps are for those who have the sources.
      if (!entry.isFile() || entry.name.endsWith('.map')) continue
      const body = readFileSync(path)
      bytes += body.length
      if (files.size >= FILES_MAX || bytes > BYTES_MAX) return false
      const type = TYPES[extname(entry.name).toLowerCase()] ?? 'application/octet-stream'
      files.set(url, { body, type, immutable: urlPath === '/assets' && HASHED.test(entry.name) })
    }
    return true
  }
  return read(directory, '') ? files : undefined
}

/** Reads the UI; where it is not built, a page that says so. Kinds: `web-too-large`, `web-unreadable`. */
export const readWebFiles = (directory: string): Result<WebFiles, LatticeError> => {
  try {
    const files = collectFiles(directory)
    if (!files) return err(latticeError('web-too-large', 'permanent', `${directory} is too large for a web page`))
    const page = files.get('/index.html') ?? { body: Buffer.from(NOT_BUILT), type: TYPES['.html']!, immutable: false }
    return ok(files.set('/', page))
  } catch (cause) {
    return err(latticeError('web-unreadable', 'permanent', `cannot read the web page: ${(cause as Error).message}`))
  }
}
