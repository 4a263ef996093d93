/**
 * A report for those who help: JSON with checks, versions, counts, states and the log. It holds no secret and no name
 * of a file, a folder or a device. Nothing gets in because it looks harmless: every member is a number, a word of ours,
 * or a placeholder (placeholders.ts).
 */
import { arch, cpus, homedir, hostname, platform, release, totalmem, userInfo } from 'node:os'
import type { MessageInitShape } from '@bufbuild/protobuf'
import { Verdict, VerdictSchema, type CheckSchema, type NodeService } from '#proto/node_api'
import { bytesToHex } from '#kernel/core/bytes.ts'
import { ok } from '#kernel/core/result.ts'
import type { Store } from '#kernel/store/port.ts'
import type { Transport } from '#sync/transport/port.ts'
import type { ServiceApi } from '../rpc/port.ts'
import type { DeviceKey } from './home.ts'
import type { NodeLog } from './log.ts'
import { collectPeers } from './lookup.ts'
import type { FolderEntry } from './parts.ts'
import { Placeholders } from './placeholders.ts'
import type { Settings } from './settings.ts'
import type { StorageUse } from './storage-use.ts'

export interface DiagnosticsParts {
  readonly home: string
  readonly key: DeviceKey
  readonly version: string
  readonly startedMs: number
  readonly settings: Settings
  readonly log: NodeLog
  readonly transport: Transport
  readonly stores: { list(): readonly Store[] }
  readonly folders: { list(): readonly FolderEntry[] }
  readonly checks: () => Promise<readonly MessageInitShape<typeof CheckSchema>[]>
  readonly storageUse: () => Promise<StorageUse>
}

/** Names of this machine and of all that is shared, so that no sentence of a check carries one out. */
const learnNames = (names: Placeholders, node: DiagnosticsParts): void => {
  for (const path of [node.home, node.settings.current.folders, homedir()]) names.know('path', path)
  for (const name of [hostname(), userInfo().username]) names.know('text', name)
  names.know('device', node.settings.current.name)
  for (const { peer } of collectPeers(node.stores.list()).values()) names.know('device', peer.name)
  for (const store of node.stores.list()) names.know('folder', store.name)
  for (const { path, status } of node.folders.list()) {
    names.know('path', path)
    for (const problem of status?.problems ?? []) names.know('path', problem.path)
  }
}

/** A check of a folder is named after it, and its sentence is about files; what it found is in `folders`. */
const describeChecks = async (names: Placeholders, node: DiagnosticsParts) =>
  (await node.checks()).map(({ name = '', verdict = Verdict.UNSPECIFIED, message = '' }) => {
    const word = VerdictSchema.value[verdict].localName
    return name.startsWith('folder ')
      ? { name: 'folder', verdict: word }
      : { name, verdict: word, message: names.clean(message) }
  })

const countBy = <T>(items: readonly T[], keyOf: (item: T) => string): Record<string, number> => {
  const counts: Record<string, number> = {}
  for (const item of items) counts[keyOf(item)] = (counts[keyOf(item)] ?? 0) + 1
  return counts
}

const describeFolders = (names: Placeholders, node: DiagnosticsParts) =>
  node.folders.list().map(({ store, path, paused, failure, status }) => ({
    folder: names.of('folder', bytesToHex(store.id)),
    isHere: path !== '',
    paused,
    failure: failure?.kind,
    error: status?.error?.kind,
    state: status?.state,
    files: status?.files,
    bytes: status?.bytes,
    pendingIn: status?.pendingIn,
    pendingOut: status?.pendingOut,
    conflicts: status?.conflicts,
    watching: status?.watching,
    problems: countBy(status?.problems ?? [], ({ kind }) => kind),
  }))

const describeStores = (names: Placeholders, node: DiagnosticsParts) =>
  node.stores.list().map((store) => ({
    store: names.of('folder', bytesToHex(store.id)),
    type: store.type,
    intentions: store.dag.count,
    heads: store.dag.heads().length,
    peers: countBy(store.access.peers(), ({ role, status }) => `${role} ${status}`),
  }))

const describePeers = (names: Placeholders, node: DiagnosticsParts) =>
  node.transport.connections().map(({ peer, direct, latencyMs }) => ({
    device: names.of('device', bytesToHex(peer)),
    direct,
    latencyMs: latencyMs === undefined ? undefined : Math.round(latencyMs),
  }))

const describeSettings = ({ settings: { current } }: DiagnosticsParts) => ({
  listenAddresses: current.listen.length,
  uploadLimit: current.uploadLimit,
  downloadLimit: current.downloadLimit,
  quietHours: current.quietHours,
  localDiscovery: current.localDiscovery,
})

export const makeReport = async (node: DiagnosticsParts, nowMs: number): Promise<object> => {
  const names = new Placeholders(node.key.seed)
  learnNames(names, node)
  const storage = await node.storageUse()
  return {
    report: 'lattice-diagnostics',
    time: new Date(nowMs).toISOString(),
    version: node.version,
    node: process.version,
    platform: platform(),
    release: release(),
    arch: arch(),
    processors: cpus().length,
    memoryBytes: totalmem(),
    residentBytes: process.memoryUsage.rss(),
    upMs: nowMs - node.startedMs,
    bytesSent: node.transport.bytesSent,
    bytesReceived: node.transport.bytesReceived,
    addresses: node.transport.addresses().length,
    storage: { databaseBytes: Number(storage.databaseBytes), chunkBytes: Number(storage.chunkBytes) },
    settings: describeSettings(node),
    checks: await describeChecks(names, node),
    folders: describeFolders(names, node),
    stores: describeStores(names, node),
    connections: describePeers(names, node),
    log: node.log.since(0).map(({ timeMs, level, pieces }) => ({
      time: new Date(timeMs).toISOString(),
      level,
      text: names.line(pieces),
    })),
  }
}

type DiagnosticsCalls = Pick<ServiceApi<typeof NodeService>, 'exportDiagnostics'>

/** The largest report, in bytes: 2,000 lines and some hundred folders stay far below. */
const REPORT_BYTES_MAX = 3 * 1024 * 1024

export const diagnosticsCalls = (node: DiagnosticsParts): DiagnosticsCalls => ({
  async exportDiagnostics() {
    const nowMs = Date.now()
    const report = await makeReport(node, nowMs)
    let file = Buffer.from(`${JSON.stringify(report, null, 1)}\n`, 'utf8')
    if (file.length > REPORT_BYTES_MAX) file = Buffer.from(`${JSON.stringify({ ...report, log: [], stores: [] })}\n`)
    const stamp = new Date(nowMs).toISOString().slice(0, 16).replace(/[-:]/g, '').replace('T', '-')
    return ok({ file, name: `lattice-diagnostics-${stamp}.json` })
  },
})
