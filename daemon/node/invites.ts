/** Invites: making a link for a folder or a space, and following one. */
import { randomBytes } from 'node:crypto'
import { isAbsolute } from 'node:path'
import type { MessageInitShape } from '@bufbuild/protobuf'
import type { InviteInfoSchema, InviteService } from '#proto/invite_api'
import { Role as WireRole } from '#proto/system'
import { bytesToHex } from '#kernel/core/bytes.ts'
import { err, latticeError, ok, type LatticeError, type Result } from '#kernel/core/result.ts'
import { SPACE_TYPE } from '#kernel/state/registry.ts'
import { createInvite, makeIndependent, revokeInvite } from '#kernel/store/admin.ts'
import type { Invite, Role, Store } from '#kernel/store/port.ts'
import { FILESTORE_TYPE } from '#fs-bridge/filestore/machine.ts'
import { join, type Joined } from '#sync/join/join.ts'
import { decodeLink, encodeLink, hashSecret, SECRET_LENGTH } from '#sync/join/link.ts'
import { pending } from './pending.ts'
import type { ServiceApi } from '../rpc/port.ts'
import { describeFolder } from './folder-service.ts'
import type { FolderKeeper } from './folders.ts'
import { findNamed, findStore } from './lookup.ts'
import type { Common, Local } from './open-local.ts'
import { systemTimers, type Network } from './open-network.ts'
import { WIRE_ROLES } from './peers.ts'

export interface InviteDeps extends Common, Local, Network {
  readonly folders: FolderKeeper
}

const EXPIRES_MS_DEFAULT = 24 * 3_600_000
const EXPIRES_MS_MAX = 365 * 24 * 3_600_000
const USES_MAX = 65_535
/** Dialling, proving the secret, and the first answer. */
const JOIN_DEADLINE_MS = 60_000
/** The genesis comes with the first session, which starts at once. */
const GENESIS_DEADLINE_MS = 30_000

const ROLES: Readonly<Partial<Record<WireRole, Role>>> = {
  [WireRole.READER]: 'reader',
  [WireRole.WRITER]: 'writer',
  [WireRole.ADMIN]: 'admin',
}

const describe = (store: Store, invite: Invite): MessageInitShape<typeof InviteInfoSchema> => ({
  id: invite.secretHash,
  target: store.name,
  role: WIRE_ROLES[invite.role],
  expiresMs: BigInt(invite.expiresMs),
  uses: invite.uses,
  used: invite.used,
  revoked: invite.revoked,
})

/** A folder, or a space by its name; “space” is this device's own. */
const findTarget = ({ stores, space }: InviteDeps, wanted: string): Result<Store, LatticeError> => {
  const folders = stores.list().filter((store) => store.type === FILESTORE_TYPE)
  const folder = findStore(folders, wanted, 'folder')
  if (folder.ok || folder.error.kind === 'ambiguous') return folder
  if (wanted === 'space') return ok(space)
  const found = findStore(
    stores.list().filter((store) => store.type === SPACE_TYPE),
    wanted,
    'space',
  )
  return found.ok || found.error.kind === 'ambiguous'
    ? found
    : err(latticeError('folder-not-found', 'permanent', `there is no folder or space “${wanted}”`))
}

/** Resolves once the store's genesis is here, so that it can be opened as what it is. */
const untilReady = (stores: InviteDeps['stores'], store: Store, signal: AbortSignal): Promise<boolean> =>
  new Promise((resolve) => {
    if (store.type !== '') return resolve(true)
    const end = (ready: boolean): void => {
      undo()
      resolve(ready)
    }
    const undo = stores.on('ready', (each) => {
      if (each === store) end(true)
    })
    signal.addEventListener('abort', () => end(false), { once: true })
  })

const follow = async (node: InviteDeps, text: string, signal: AbortSignal): Promise<Result<Joined, LatticeError>> => {
  const link = decodeLink(text)
  if (!link.ok) return link
  if (bytesToHex(link.value.inviter) === bytesToHex(node.transport.self))
    return err(latticeError('own-invite', 'permanent', 'this device made that link itself: use it on another one'))
  const { transport, stores, engine, settings } = node
  return join(link.value, {
    transport,
    stores,
    timers: systemTimers,
    remember: (peer, addresses) => engine.remember(peer, addresses),
    deviceName: settings.current.name,
    signal: AbortSignal.any([signal, AbortSignal.timeout(JOIN_DEADLINE_MS)]),
  })
}

const joinLink = async (
  node: InviteDeps,
  { link, path }: { readonly link: string; readonly path: string },
  signal: AbortSignal,
): ReturnType<ServiceApi<typeof InviteService>['join']> => {
  const { stores, folders, bindings, isIndependent } = node
  // The path is judged first: who cannot take the folder should not use up the invite.
  const checked = path === '' ? undefined : folders.check(path, true)
  if (checked && !checked.ok) return checked
  const joined = await follow(node, link, signal)
  if (!joined.ok) return joined
  const { storeId, name, type } = joined.value
  const store = stores.get(storeId)
  const ready =
    store && (await untilReady(stores, store, AbortSignal.any([signal, AbortSignal.timeout(GENESIS_DEADLINE_MS)])))
  if (checked && type === FILESTORE_TYPE && store && ready) {
    const bound = await folders.bind(store, checked.value)
    if (!bound.ok) return bound
  } else if (checked) await bindings.set(storeId, { path: checked.value, paused: false })
  else if (store) await folders.settle(store)
  return ok({
    name,
    storeId,
    folders: folders
      .list()
      .filter((entry) => entry.store === store || (store && stores.parentOf(entry.store.id) === store.id))
      .map((entry) => describeFolder(entry, isIndependent)),
  })
}

export const inviteService = (node: InviteDeps): ServiceApi<typeof InviteService> => {
  const { stores, transport, folders } = node
  const all = () => stores.list().flatMap((store) => store.access.invites().map((invite) => ({ store, invite })))
  return {
    previewLink: pending,
    answerJoin: pending,
    async createInvite({ target, role: wireRole, expiresInMs, uses: wantedUses }) {
      const found = findTarget(node, target)
      if (!found.ok) return found
      const store = found.value
      const lifeMs = Number(expiresInMs) || EXPIRES_MS_DEFAULT
      const uses = wantedUses || 1
      if (lifeMs > EXPIRES_MS_MAX || uses > USES_MAX)
        return err(
          latticeError(
            'bad-request',
            'permanent',
            `an invite lasts at most a year and is for at most ${USES_MAX} devices`,
          ),
        )
      // A guest of one folder learns nothing of the space it came from.
      const alone = store.type === SPACE_TYPE ? ok(undefined) : await makeIndependent(stores, store.id)
      if (!alone.ok) return alone
      const secret = new Uint8Array(randomBytes(SECRET_LENGTH))
      const role = ROLES[wireRole] ?? 'writer'
      const expiresMs = Date.now() + lifeMs
      const secretHash = hashSecret(secret)
      const made = await createInvite(stores, store.id, { secretHash, role, expiresMs, uses })
      if (!made.ok) return made
      const link = encodeLink({
        storeId: store.id,
        inviter: transport.self,
        secret,
        expiresMs,
        role,
        uses,
        addresses: transport.addresses(),
      })
      return ok({ link, invite: describe(store, { secretHash, role, expiresMs, uses, used: 0, revoked: false }) })
    },

    async listInvites() {
      return ok({ invites: all().map(({ store, invite }) => describe(store, invite)) })
    },

    async revokeInvite({ id }) {
      const named = all().map((each) => ({ ...each, name: '', hex: bytesToHex(each.invite.secretHash) as string }))
      const found = findNamed(named, id, 'invite')
      if (!found.ok) return found
      const done = await revokeInvite(stores, found.value.store.id, found.value.invite.secretHash)
      return done.ok ? ok({}) : done
    },

    async join(request, signal) {
      if (request.path !== '' && !isAbsolute(request.path))
        return err(latticeError('bad-request', 'permanent', 'the path must be absolute'))
      return folders.holding(() => joinLink(node, request, signal))
    },
  }
}
