/**
 * Versions of a file, read out of the log: every intention that wrote its content or its place. Restoring writes the
 * old content as a new version; what it replaces stays in the history like any other.
 */
import { fromBinary, type MessageInitShape } from '@bufbuild/protobuf'
import type { FileOp } from '#proto/file'
import type { FileVersionSchema, HistoryService, RestoreVersionRequest } from '#proto/history_api'
import { UniversalOpSchema } from '#proto/intention'
import { bytesToHex, concatBytes, equalBytes } from '#kernel/core/bytes.ts'
import { sha256 } from '#kernel/core/hash.ts'
import { hlcToMs } from '#kernel/core/hlc.ts'
import { err, latticeError, ok, type LatticeError, type Result } from '#kernel/core/result.ts'
import type { Witnessed } from '#kernel/dag/port.ts'
import { BadOpError } from '#kernel/state/port.ts'
import type { Store } from '#kernel/store/port.ts'
import { editAppearance, restoreOps } from '#fs-bridge/filestore/intents.ts'
import { contentOf, decodeOps, linkOf, packOps } from '#fs-bridge/filestore/ops.ts'
import type { ContentValue, Inode } from '#fs-bridge/filestore/port.ts'
import { openTree, type Tree } from '#fs-bridge/filestore/tree.ts'
import { contentKey, isTrash } from '#fs-bridge/filestore/values.ts'
import type { ServiceApi } from '../rpc/port.ts'
import { deviceNameIn } from './lookup.ts'
import type { FileContents, FolderEntry, FolderLookup } from './parts.ts'
import { writable } from './removals.ts'
import { logPages } from './store-log.ts'

export interface Version {
  readonly written: Witnessed
  readonly change: 'created' | 'edited' | 'renamed' | 'deleted'
  readonly content: ContentValue | undefined
  readonly path: string
}

const treeOf = (store: Store): Tree => openTree(store.state, deviceNameIn(store.access))

const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)

/** The ops of the log that hold `needle` somewhere, which is most of the work of finding those about one inode. */
export async function* opsAbout(
  store: Store,
  needle: Uint8Array,
  signal: AbortSignal,
): AsyncGenerator<{ readonly written: Witnessed; readonly op: FileOp }> {
  const bytes = asBuffer(needle)
  for await (const page of logPages(store, signal))
    for (const { hash } of page) {
      const written = store.dag.get(hash)
      if (!written || written.excluded || !asBuffer(written.ops).includes(bytes)) continue
      for (const op of decodeFileOps(written.ops)) yield { written, op }
    }
}

/** The file ops of an intention; none if it is about something else, or makes no sense to a filestore. */
export const decodeFileOps = (ops: Uint8Array): readonly FileOp[] => {
  const { op } = fromBinary(UniversalOpSchema, ops)
  if (op.case !== 'app') return []
  try {
    return decodeOps(op.value).ops
  } catch (cause) {
    if (cause instanceof BadOpError) return [] // a no-op for everyone
    throw cause
  }
}

const splitPath = (path: string): { dir: string; name: string } => {
  const slash = path.lastIndexOf('/')
  return { dir: path.slice(0, Math.max(slash, 0)), name: path.slice(slash + 1) }
}

/** What is seen at a path, or was last seen there. */
const inodeAt = async (store: Store, path: string, signal: AbortSignal): Promise<Inode | undefined> => {
  const tree = treeOf(store)
  const visible = tree.resolve(path)
  if (visible) return visible.inode
  const { dir, name } = splitPath(path)
  const parent = await inodeAt(store, dir, signal)
  if (!parent) return undefined
  const parents = tree.merged(parent)
  let last: Inode | undefined
  for await (const { op } of opsAbout(store, Buffer.from(name, 'utf8'), signal)) {
    const link = op.link && linkOf(op.link)
    if (link?.name === name && parents.some((each) => equalBytes(each, link.parent))) last = op.inode as Inode
  }
  return last
}

/** Newest first. */
export const versionsOf = async (store: Store, inode: Inode, path: string, signal: AbortSignal): Promise<Version[]> => {
  const versions: Version[] = []
  const { dir } = splitPath(path)
  let name = splitPath(path).name
  for await (const { written, op } of opsAbout(store, inode, signal)) {
    if (!equalBytes(op.inode, inode)) continue
    const link = op.link && linkOf(op.link)
    const content = op.content && contentOf(op.content)
    if (!link && !content) continue
    const first = versions.length === 0
    const change = link && isTrash(link.parent) ? 'deleted' : first ? 'created' : content ? 'edited' : 'renamed'
    name = link?.name ?? name
    versions.push({
      written,
      change,
      content: content ?? versions.at(-1)?.content,
      path: dir ? `${dir}/${name}` : name,
    })
  }
  return versions.sort((a, b) => (a.written.hlc < b.written.hlc ? 1 : a.written.hlc > b.written.hlc ? -1 : 0))
}

/** Of a file in one chunk it is the SHA-256 of its bytes. */
const contentName = (content: ContentValue | undefined): Uint8Array => {
  if (!content) return new Uint8Array()
  switch (content.data.kind) {
    case 'inline':
      return sha256(content.data.bytes)
    case 'manifest':
      return content.data.cid
    case 'chunks': {
      const { chunks } = content.data
      return chunks.length === 1 ? chunks[0]!.cid : sha256(concatBytes(...chunks.map(({ cid }) => cid)))
    }
  }
}

const describe = (store: Store, version: Version, current: boolean): MessageInitShape<typeof FileVersionSchema> => ({
  hash: version.written.hash,
  device: version.written.author,
  deviceName: deviceNameIn(store.access)(version.written.author),
  timeMs: BigInt(hlcToMs(version.written.hlc)),
  size: BigInt(version.content?.size ?? 0),
  content: contentName(version.content),
  change: version.change,
  path: version.path,
  current,
})

interface History {
  readonly entry: FolderEntry
  readonly inode: Inode
  readonly relative: string
  /** Newest first, at least one. */
  readonly versions: readonly Version[]
}

const readHistory = async (
  folders: FolderLookup,
  path: string,
  signal: AbortSignal,
): Promise<Result<History, LatticeError>> => {
  const found = folders.containing(path)
  if (!found.ok) return found
  const { entry, relative } = found.value
  const inode = relative === '' ? undefined : await inodeAt(entry.store, relative.normalize('NFC'), signal)
  const versions = inode ? await versionsOf(entry.store, inode, relative, signal) : []
  return inode && versions.length > 0
    ? ok({ entry, inode, relative, versions })
    : err(
        latticeError('file-not-found', 'permanent', `${entry.store.name} has never had a file at ${relative || path}`),
      )
}

/** With a time: what was current then. Versions with the same content as the one asked for do as well. */
const chooseVersion = (
  versions: readonly Version[],
  at: RestoreVersionRequest['at'],
): Result<Version, LatticeError> => {
  if (at.case === 'timeMs') {
    const then = versions.find(({ written }) => BigInt(hlcToMs(written.hlc)) <= at.value)
    if (then && then.change !== 'deleted') return ok(then)
    return err(latticeError('version-not-found', 'permanent', 'the file did not exist at that time'))
  }
  const wanted = at.value ?? ''
  const found = versions.filter(
    ({ written, content }) =>
      bytesToHex(written.hash).startsWith(wanted) || bytesToHex(contentName(content)).startsWith(wanted),
  )
  const contents = new Set(found.map(({ content }) => bytesToHex(contentName(content))))
  if (wanted.length < 4 || contents.size === 0)
    return err(latticeError('version-not-found', 'permanent', `no version of the file is called ${wanted}`))
  return contents.size === 1
    ? ok(found[0]!)
    : err(
        latticeError('ambiguous', 'permanent', `${wanted} is the beginning of more than one version: give more of it`),
      )
}

const writeBack = async (
  { entry, inode, relative }: History,
  content: ContentValue,
): Promise<Result<void, LatticeError>> => {
  const { store } = entry
  const done = await store.submit((state) => {
    const tree = openTree(state, deviceNameIn(store.access))
    const visible = tree.resolve(relative.normalize('NFC'))
    const ops =
      visible?.kind === 'file' ? editAppearance(tree, visible, content) : restoreOps(tree, inode, undefined, content)
    const [app] = packOps(ops)
    return app && { app }
  })
  return done.ok ? ok(undefined) : done
}

export const historyService = (folders: FolderLookup, contents: FileContents): ServiceApi<typeof HistoryService> => ({
  async listVersions({ path }, signal) {
    const history = await readHistory(folders, path, signal)
    if (!history.ok) return history
    const { entry, inode, versions } = history.value
    const current = treeOf(entry.store).appearances(inode)[0]?.contentHead
    return ok({
      key: `0x${bytesToHex(contentKey(inode))}`,
      versions: versions.map((version) =>
        describe(entry.store, version, current !== undefined && equalBytes(current, version.written.hash)),
      ),
    })
  },

  async restoreVersion({ path, at }, signal) {
    const history = await readHistory(folders, path, signal)
    if (!history.ok) return history
    const version = chooseVersion(history.value.versions, at)
    if (!version.ok) return version
    const { content } = version.value
    if (!content) return err(latticeError('version-not-found', 'permanent', 'that version has no content'))
    const { entry } = history.value
    const allowed = writable(entry)
    if (!allowed.ok) return allowed
    const secured = await contents.secure(entry, content, signal)
    if (!secured.ok) return secured
    using _ = secured.value
    const done = await writeBack(history.value, content)
    return done.ok ? ok({ version: describe(entry.store, version.value, true) }) : done
  },
})
