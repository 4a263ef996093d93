/**
 * The collector of V8 at our call in this process, for a node at rest (daemon/node/rest.ts). Set here and not as a
 * switch of the command line, which the processes that draw pages would inherit. Scripts made later see no `gc` either:
 * the flag is taken back.
 */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

export const exposeCollector = (): void => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as NonNullable<typeof globalThis.gc>
  // V8 11.4 (Electron 25) collects the young generation alone when it is given any options.
  const collectAll = (options: NodeJS.GCOptions): void => {
    collect()
    collect(options)
  }
  globalThis.gc = collectAll as typeof collect
  setFlagsFromString('--no-expose-gc')
}
