/** The web UI as part of a node: its token, its files, its server, and the note of where it is. */
import { ok, type LatticeError, type Result } from '#kernel/core/result.ts'
import type { NodeApi } from '../rpc/port.ts'
import { removeWebAddress, writeWebAddress } from './address.ts'
import { defaultWebDirectory, readWebFiles } from './files.ts'
import { serveWeb } from './server.ts'
import { loadToken } from './token.ts'

export interface WebRequest {
  /** 0: one that is free. */
  readonly port: number
}

/** The address it serves at; undefined where it was not asked for. */
export const openWeb = async (
  parts: AsyncDisposableStack,
  request: WebRequest | undefined,
  { home, api, report }: { readonly home: string; readonly api: NodeApi; readonly report: (cause: unknown) => void },
): Promise<Result<string | undefined, LatticeError>> => {
  removeWebAddress(home)
  if (!request) return ok(undefined)
  const token = loadToken(home)
  if (!token.ok) return token
  const files = readWebFiles(defaultWebDirectory())
  if (!files.ok) return files
  const server = await serveWeb({ port: request.port, token: token.value, files: files.value, api, report })
  if (!server.ok) return server
  parts.use(server.value)
  writeWebAddress(home, server.value.url)
  parts.defer(() => removeWebAddress(home))
  return ok(server.value.url)
}
