/** Proof that the watcher has told all that happened before: events come in order, so a file of ours comes last. */
import fs from 'node:fs'
import { join } from 'node:path'
import { errnoOf } from './disk.ts'
import type { FolderTimers } from './status.ts'
import type { FolderWatcher } from './watcher.ts'

/** The watcher answers within milliseconds; after this long it is not to be trusted. */
const COOKIE_MS = 2000

/** False: the cookie could not be written, did not come in time, or the signal came first. */
export const passBarrier = async (
  watcher: FolderWatcher,
  dir: string,
  name: string,
  timers: FolderTimers,
  signal: AbortSignal | undefined,
): Promise<boolean> => {
  const path = join(dir, name)
  const seen = await new Promise<boolean>((resolve) => {
    const end = (value: boolean): void => {
      forget()
      cancel()
      signal?.removeEventListener('abort', abort)
      resolve(value)
    }
    const abort = (): void => end(false)
    const forget = watcher.onCookie(name, () => end(true))
    const cancel = timers.after(COOKIE_MS, () => end(false))
    signal?.addEventListener('abort', abort)
    try {
      fs.writeFileSync(path, '', { flag: 'wx' })
    } catch (error) {
      errnoOf(error)
      end(false)
    }
  })
  fs.rmSync(path, { force: true })
  return seen
}
