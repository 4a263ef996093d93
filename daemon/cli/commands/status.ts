/** `status`, `doctor` and `down`. */
import { NodeService, Verdict, type DiagnoseResponse, type GetStatusResponse } from '#proto/node_api'
import { bytesToHex } from '#kernel/core/bytes.ts'
import { latticeError } from '#kernel/core/result.ts'
import { openContext, type CommonOptions } from '../context.ts'
import { formatAge, formatCount, formatSize, formatTable, printable } from '../format.ts'
import type { Terminal } from '../terminal.ts'
import { folderTable } from '../views.ts'

const describeNode = (status: GetStatusResponse, terminal: Terminal): string =>
  [
    `${terminal.bold(printable(status.name))}  device ${bytesToHex(status.device).slice(0, 16)}, ` +
      `started ${formatAge(status.startedMs, Date.now())}, ` +
      (status.peersConnected === 1 ? '1 peer' : `${formatCount(status.peersConnected)} peers`) +
      ' connected',
    terminal.dim(
      `home ${printable(status.home)}, sent ${formatSize(status.bytesSent)}, received ${formatSize(status.bytesReceived)}, ` +
        `memory ${formatSize(status.memoryBytes)}`,
    ),
    '',
    status.folders.length === 0
      ? 'No folder yet: add one with `lattice folder add PATH`, or follow a link with `lattice join LINK`.'
      : folderTable(status.folders, terminal),
  ].join('\n')

export const showStatus = async (options: CommonOptions): Promise<void> => {
  const context = await openContext(options)
  await context.call(NodeService.method.getStatus, {}, (status) => describeNode(status, context.terminal))
}

const describeChecks = ({ checks }: DiagnoseResponse, terminal: Terminal): string => {
  const words = {
    [Verdict.OK]: terminal.green('ok'),
    [Verdict.WARNING]: terminal.yellow('warning'),
    [Verdict.FAILED]: terminal.red('failed'),
    [Verdict.UNSPECIFIED]: '?',
  }
  return formatTable(
    [{ title: 'CHECK' }, { title: 'FINDING' }],
    checks.map((check) => [check.name, check.message]),
    terminal.dim,
  )
    .split('\n')
    .map((line, i) =>
      i === 0
        ? `         ${line}`
        : `${words[checks[i - 1]!.verdict]}${' '.repeat(9 - wordLength(checks[i - 1]!.verdict))}${line}`,
    )
    .join('\n')
}

const wordLength = (verdict: Verdict): number =>
  ({ [Verdict.OK]: 2, [Verdict.WARNING]: 7, [Verdict.FAILED]: 6, [Verdict.UNSPECIFIED]: 1 })[verdict]

/** Fails when a check does, so that scripts can ask. */
export const diagnose = async (options: CommonOptions): Promise<void> => {
  const context = await openContext(options)
  let failed = 0
  await context.call(NodeService.method.diagnose, {}, (reply) => {
    failed = reply.checks.filter((check) => check.verdict === Verdict.FAILED).length
    return describeChecks(reply, context.terminal)
  })
  if (failed > 0)
    context.fail(
      latticeError('checks-failed', 'permanent', failed === 1 ? 'one check failed' : `${failed} checks failed`),
    )
}

export const shutDown = async (options: CommonOptions): Promise<void> => {
  const context = await openContext(options)
  await context.call(NodeService.method.shutdown, {}, () => undefined)
}
