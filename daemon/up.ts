/** `lattice up`: the node in the foreground, until it is told to stop. */
import { constants } from 'node:os'
import { latticeError } from '#kernel/core/result.ts'
import type { CommonOptions } from './cli/context.ts'
import { resolveHome } from './cli/home-path.ts'
import { createTerminal } from './cli/terminal.ts'
import { LatticeNode } from './node/node.ts'

export interface UpOptions extends CommonOptions {
  readonly listen?: readonly string[]
  readonly name?: string
  readonly mdns: boolean
  readonly newSpace?: boolean
  /** The port of the web UI; true: one that is free. */
  readonly web?: number | true
}

/** What stopping may take: everything durable is on disk already, so what is cut off is only politeness. */
const STOP_DEADLINE_MS = 5_000

const describeCause = (cause: unknown): string =>
  cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)

/** A bug of ours is told on standard error, with all that is known; the node goes on. */
const report = (cause: unknown): void => {
  process.stderr.write(`lattice: unexpected failure: ${describeCause(cause)}\n`)
}

export const up = async (options: UpOptions): Promise<void> => {
  const terminal = createTerminal(options.json === true)
  const home = await resolveHome(options)
  const stopping = new AbortController()
  let signalled: NodeJS.Signals | undefined
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.on(signal, () => {
      // Asked twice, the person is in a hurry; nothing acknowledged is lost.
      if (signalled) process.exit(128 + constants.signals[signal])
      signalled = signal
      stopping.abort()
    })
  // A broken invariant stops the actor that met it; whatever else escapes is told, and must not take the node down.
  process.on('unhandledRejection', report)

  const opened = await LatticeNode.open({
    home,
    config: { ...(options.name && { name: options.name }), ...(options.listen && { listen: options.listen }) },
    localDiscovery: options.mdns,
    newSpace: options.newSpace === true,
    ...(options.web !== undefined && { web: { port: options.web === true ? 0 : options.web } }),
    report,
  })
  if (!opened.ok) {
    terminal.fail(opened.error)
    process.exit(1) // what was opened before the failure holds the process alive
  }
  const node = opened.value
  node.onShutdown(() => stopping.abort())
  terminal.print(`ready ${JSON.stringify(node.describe())}`)
  if (!stopping.signal.aborted)
    await new Promise<void>((resolve) => stopping.signal.addEventListener('abort', () => resolve(), { once: true }))
  const deadline = setTimeout(() => {
    terminal.fail(
      latticeError(
        'stop-timeout',
        'retryable',
        'stopping took too long; what was not flushed is redone at the next start',
      ),
    )
    process.exit(1)
  }, STOP_DEADLINE_MS)
  await node[Symbol.asyncDispose]()
  clearTimeout(deadline)
  process.exit(0)
}
