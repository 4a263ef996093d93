/** What every client command needs: the home it speaks to, the node's client, and the terminal. */
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import type { DescMessage, DescMethodUnary, MessageInitShape, MessageShape } from '@bufbuild/protobuf'
import { latticeError, type LatticeError } from '#kernel/core/result.ts'
import { createRpcClient, type RpcClient } from '../rpc/client.ts'
import { findSocketPath } from '../rpc/socket.ts'
import { plainMessage } from './plain.ts'
import { resolveHome } from './home-path.ts'
import { createTerminal, type Terminal } from './terminal.ts'

export interface CommonOptions {
  readonly home?: string
  readonly json?: boolean
}

/** A path a person typed, as the node needs it. */
export const absolutePath = (path: string): string =>
  resolve(path === '~' || path.startsWith('~/') ? join(homedir(), path.slice(1)) : path)

export interface Context {
  readonly home: string
  readonly json: boolean
  readonly client: RpcClient
  readonly terminal: Terminal
  /** Calls, and prints the reply: `--json` the message itself, else what `show` makes of it. False after a failure. */
  call<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
    show: (reply: MessageShape<O>) => string | undefined,
  ): Promise<boolean>
  fail(error: LatticeError): void
}

/** The sentence for a home without a node says how to start one. */
const explain = (error: LatticeError, home: string, homeGiven: boolean): LatticeError =>
  error.kind === 'node-not-running'
    ? latticeError(
        error.kind,
        error.severity,
        `no node is running on ${home}: start one with \`lattice up${homeGiven ? ` --home ${home}` : ''}\``,
      )
    : error

export const openContext = async (options: CommonOptions): Promise<Context> => {
  const home = await resolveHome(options)
  const json = options.json === true
  const terminal = createTerminal(json)
  const client = createRpcClient(findSocketPath(home))
  const fail = (error: LatticeError): void =>
    terminal.fail(explain(error, home, options.home !== undefined || Boolean(process.env['LATTICE_HOME'])))
  return {
    home,
    json,
    client,
    terminal,
    fail,
    async call(method, request, show) {
      const reply = await client.unary(method, request)
      if (!reply.ok) {
        fail(reply.error)
        return false
      }
      if (json) terminal.json(plainMessage(method.output, reply.value))
      else {
        const text = show(reply.value)
        if (text !== undefined) terminal.print(text)
      }
      return true
    },
  }
}
