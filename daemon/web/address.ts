/**
 * Where the web UI of a running node is: `<home>/web.url` holds its address without the token, for as long as the node
 * serves it. One that a killed node left behind is taken away by the next start.
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { err, latticeError, ok, type LatticeError, type Result } from '#kernel/core/result.ts'
import { readToken } from './token.ts'

const addressPath = (home: string): string => join(home, 'web.url')

export const writeWebAddress = (home: string, url: string): void =>
  writeFileSync(addressPath(home), `${url}\n`, { mode: 0o600 })

export const removeWebAddress = (home: string): void => rmSync(addressPath(home), { force: true })

/** What to open in a browser: the token is in the fragment, which browsers keep to themselves. */
export const withToken = (url: string, token: string): string => `${url}#token=${token}`

/** The address with the token; kind `web-not-served` where the node of the home serves no web UI. */
export const readWebAddress = (home: string): Result<string, LatticeError> => {
  let text: string
  try {
    text = readFileSync(addressPath(home), 'utf8').trim()
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw cause
    return err(
      latticeError(
        'web-not-served',
        'permanent',
        'the node serves no web page: stop it, and start it with `lattice up --web`',
      ),
    )
  }
  const token = readToken(home)
  return token.ok ? ok(withToken(text, token.value)) : token
}
