/** The folders of a node, opened once everything they need is there. */
import type { Store } from '#kernel/store/port.ts'
import { FILESTORE_TYPE } from '#fs-bridge/filestore/machine.ts'
import { FolderKeeper } from './folders.ts'
import type { Common, Local } from './open-local.ts'
import type { Network } from './open-network.ts'
import { removalOf } from './removals.ts'

/** A folder that was just joined is met with what a peer has, if one can be reached this fast. */
const CATCH_UP_MS = 30_000

/** Resolves when this device is one of the store's peers, and level with those that are connected. */
const untilAdmitted =
  ({ stores, levels, key }: Common & Local & Network) =>
  async (store: Store, signal: AbortSignal): Promise<void> => {
    const isIn = (): boolean => store.access.peer(key.signer.publicKey)?.status === 'active'
    if (isIn()) return
    // A grant may lie in the store itself or in its space.
    await new Promise<void>((resolve) => {
      const watched = [store, stores.get(stores.parentOf(store.id) ?? store.id) ?? store]
      const found = new AbortController()
      const both = AbortSignal.any([signal, found.signal])
      const look = async (each: Store): Promise<void> => {
        for await (const _ of each.watch({ signal: both })) if (isIn()) break
        found.abort()
        resolve()
      }
      for (const each of watched) void look(each)
    })
    const deadline = AbortSignal.any([signal, AbortSignal.timeout(CATCH_UP_MS)])
    await levels.settled(store, deadline).catch((cause: unknown) => {
      if (!deadline.aborted) throw cause
    })
  }

export const openFolders = async (
  parts: AsyncDisposableStack,
  node: Common & Local & Network,
  urgentUntil: Promise<void> | undefined,
): Promise<FolderKeeper> => {
  const { storage, stores, space, cas, hasher, blobs, bindings, changes, home, config, transport, engine, report } =
    node
  const keeper = parts.use(
    new FolderKeeper({
      device: node.key.signer.publicKey,
      backend: storage,
      inplace: cas.inplace,
      local: cas,
      chunks: cas.stored,
      hasher,
      blobs,
      stores,
      bindings,
      changes,
      home,
      base: config.folders,
      found: (name) => stores.create(FILESTORE_TYPE, { name, parent: space.id }),
      dropContent: (storeId) => cas.dropStore(storeId),
      admitted: untilAdmitted(node),
      removalOf: removalOf(engine, stores),
      askAgain: (store) => engine.askAgain(store),
      progressed: (store, { state, pendingIn, pendingOut, witnessed }) =>
        engine.setLocalProgress(store.id, {
          pendingIn,
          settled: state === 'idle' && pendingIn + pendingOut === 0,
          at: witnessed,
        }),
      report,
      ...(urgentUntil && { urgentUntil }),
    }),
  )
  await keeper.start()
  parts.defer(engine.onRemoval(() => void keeper.review().catch(report)))
  parts.defer(transport.on('connected', () => keeper.retry()))
  return keeper
}
