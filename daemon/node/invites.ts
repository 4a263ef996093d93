/** Invites: making a link for a folder or a space, following one, and letting in who waits. */
import { isAbsolute } from 'node:path'
import type { MessageInitShape } from '@bufbuild/protobuf'
import type { FolderSchema } from '#proto/folder_api'
import type {
  InviteInfoSchema,
  InviteService,
  JoinedStepSchema,
  PendingJoinSchema,
  PreviewLinkResponseSchema,
} from '#proto/invite_api'
import { bytesToHex, equalBytes } from '#kernel/core/bytes.ts'
import { err, latticeError, ok, type LatticeError, type Result } from '#kernel/core/result.ts'
import { SPACE_TYPE } from '#kernel/state/registry.ts'
import { createInvite, makeIndependent, revokeInvite } from '#kernel/store/admin.ts'
import type { Invite, Store } from '#kernel/store/port.ts'
import { FILESTORE_TYPE } from '#fs-bridge/filestore/machine.ts'
import { askToJoin, takePart, type Admission } from '#sync/join/join.ts'
import { checkExpiry, decodeLink, encodeLink, hashSecret, SECRET_LENGTH, type InviteLink } from '#sync/join/link.ts'
import type { WaitingJoin } from '#sync/join/waiting.ts'
import type { ServiceApi } from '../rpc/port.ts'
import type { FolderKeeper } from './folders.ts'
import { findNamed, findTarget } from './lookup.ts'
import type { Common, Local } from './open-local.ts'
import { secureRandomBytes, systemTimers, type Network } from './open-network.ts'
import type { FolderEntry } from './parts.ts'
import { ROLES, WIRE_ROLES } from './peers.ts'
import { whyRemoved } from './removals.ts'
import { untilReady } from './until-ready.ts'
import { WordsSteps, type WordsStep } from './words-steps.ts'

export interface InviteDeps extends Common, Local, Network {
  readonly folders: FolderKeeper
  readonly describeFolder: (entry: FolderEntry) => MessageInitShape<typeof FolderSchema>
}

const EXPIRES_MS_DEFAULT = 24 * 3_600_000
const EXPIRES_MS_MAX = 365 * 24 * 3_600_000
const USES_MAX = 65_535
/** The genesis comes with the first session, which starts at once. */
const GENESIS_DEADLINE_MS = 30_000

const describe = (store: Store, invite: Invite): MessageInitShape<typeof InviteInfoSchema> => ({
  id: invite.secretHash,
  target: store.name,
  role: WIRE_ROLES[invite.role],
  expiresMs: BigInt(invite.expiresMs),
  uses: invite.uses,
  used: invite.used,
  revoked: invite.revoked,
  approval: invite.approval,
})

/** Of all stores: what `ListInvites` and the events tell. */
export const describeInvites = (stores: readonly Store[]): MessageInitShape<typeof InviteInfoSchema>[] =>
  stores.flatMap((store) => store.access.invites().map((invite) => describe(store, invite)))

export const describeJoin = (join: WaitingJoin): MessageInitShape<typeof PendingJoinSchema> => ({
  id: join.id,
  device: join.device,
  deviceName: join.deviceName,
  address: join.address,
  target: join.store.name,
  role: WIRE_ROLES[join.role],
  words: [...join.words],
  sinceMs: BigInt(join.sinceMs),
  differs: join.differs,
})

/** A link that this device may follow. */
const readLink = ({ transport }: InviteDeps, text: string): Result<InviteLink, LatticeError> => {
  const link = decodeLink(text)
  if (!link.ok) return link
  const fresh = checkExpiry(link.value, Date.now())
  if (!fresh.ok) return fresh
  return equalBytes(link.value.inviter, transport.self)
    ? err(latticeError('own-invite', 'permanent', 'this device made that link itself: use it on another one'))
    : link
}

/** All of it is known without asking anybody. */
const preview = (node: InviteDeps, link: InviteLink): MessageInitShape<typeof PreviewLinkResponseSchema> => {
  const { self } = node.transport
  const store = node.stores.get(link.storeId)
  return {
    name: link.about?.name ?? store?.name ?? '',
    inviter: link.inviter,
    role: WIRE_ROLES[link.role],
    expiresMs: BigInt(link.expiresMs),
    folder: (link.about?.type ?? store?.type) === FILESTORE_TYPE,
    approval: link.about?.approval ?? false,
    known: store?.access.mayRead(self) ?? false,
  }
}

/** By then the words that the person here looks at are all that is missing. */
const differLate = latticeError(
  'words-differ',
  'permanent',
  'the words differ, so nothing was joined; but the other device has let this one in: have it removed there',
)

/** Asks, telling the words whenever there are others. Leaving gives up, and so does saying that the words differ. */
async function* joinLink(
  node: InviteDeps,
  steps: WordsSteps,
  { link: text, path, confirm }: { readonly link: string; readonly path: string; readonly confirm: boolean },
  signal: AbortSignal,
): ReturnType<ServiceApi<typeof InviteService>['join']> {
  const { transport, folders, settings, log } = node
  const link = readLink(node, text)
  if (!link.ok) return yield link
  // Before anybody is asked: who cannot take the folder should not use up the invite.
  const checked = path === '' ? undefined : folders.checkJoining(link.value.storeId, path)
  if (checked && !checked.ok) return yield checked
  const [left, differs] = [new AbortController(), new AbortController()]
  let shown: WordsStep | undefined
  let changed = Promise.withResolvers<undefined>()
  const asking = askToJoin(link.value, {
    transport,
    timers: systemTimers,
    deviceName: settings.current.name,
    randomBytes: secureRandomBytes,
    asked: (words) => {
      log.write('info', 'a person is asked to let this device in')
      steps.end(shown)
      shown = steps.begin(words)
      void shown.answered.then((match) => {
        log.write('info', `the words were said to ${match ? 'match' : 'differ'}`)
        if (!match) differs.abort()
      })
      changed.resolve(undefined)
    },
    signal: AbortSignal.any([signal, left.signal]),
    differs: differs.signal,
  })
  const asked = ({ id, words }: WordsStep, admitted: boolean) =>
    ok({ step: { case: 'asked' as const, value: { id, words: [...words], admitted } } })
  try {
    for (;;) {
      const admission = await Promise.race([asking, changed.promise])
      if (admission === undefined) {
        changed = Promise.withResolvers()
        if (shown) yield asked(shown, false)
        continue
      }
      log.write('info', admission.ok ? 'this device was let in' : `this device was not let in: ${admission.error.kind}`)
      if (!admission.ok) return yield admission
      if (shown && confirm) {
        yield asked(shown, true)
        const match = await Promise.race([shown.answered, aborted(signal)])
        if (match === undefined) return
        if (!match) return yield err(differLate)
      }
      // Held from here on only: a person may take minutes to answer.
      const joined = await folders.holding(() => settleIn(node, admission.value, checked?.value, signal))
      return yield joined.ok ? ok({ step: { case: 'joined', value: joined.value } }) : joined
    }
  } finally {
    steps.end(shown)
    left.abort()
  }
}

const aborted = (signal: AbortSignal): Promise<undefined> =>
  new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(undefined), { once: true })
    if (signal.aborted) resolve(undefined)
  })

/** Adopts what was joined and gives it its place: `path`, or one of the node's choice. */
const settleIn = async (
  { stores, engine, folders, bindings, describeFolder }: InviteDeps,
  admission: Admission,
  path: string | undefined,
  signal: AbortSignal,
): Promise<Result<MessageInitShape<typeof JoinedStepSchema>, LatticeError>> => {
  await engine.readmitted(admission.link.storeId)
  const joined = await takePart(admission, { stores, remember: (peer, addresses) => engine.remember(peer, addresses) })
  if (!joined.ok) return joined
  const { storeId, name, type } = joined.value
  const store = stores.get(storeId)
  const ready =
    store && (await untilReady(stores, store, AbortSignal.any([signal, AbortSignal.timeout(GENESIS_DEADLINE_MS)])))
  if (path !== undefined && type === FILESTORE_TYPE && store && ready) {
    const bound = await folders.bind(store, path)
    if (!bound.ok) return bound
  } else if (path !== undefined) await bindings.set(storeId, { path, paused: false })
  else if (store) await folders.settle(store)
  return ok({
    name,
    storeId,
    folders: folders
      .list()
      .filter((entry) => entry.store === store || (store && stores.parentOf(entry.store.id) === store.id))
      .map(describeFolder),
  })
}

/** What a person types of an id must be too long to fit another round, that took the place of the one he looked at. */
const JOIN_ID_MIN = 8

/** By its id alone: its name is whatever the device says. */
const findJoin = (joins: readonly WaitingJoin[], wanted: string): Result<WaitingJoin, LatticeError> => {
  if (wanted.length < JOIN_ID_MIN)
    return err(
      latticeError('bad-request', 'permanent', `say at least ${JOIN_ID_MIN} characters of the id of who waits`),
    )
  const named = joins.map((join) => ({ ...join, name: '', hex: join.id }))
  const found = findNamed(named, wanted, 'join')
  return found.ok || found.error.kind === 'ambiguous'
    ? found
    : err(latticeError('join-not-found', 'permanent', `no device waits under the id “${wanted}”`))
}

/** A folder or space that this device takes part in. */
const findShared = ({ stores, engine, space }: InviteDeps, target: string): Result<Store, LatticeError> => {
  const found = findTarget(stores.list(), space, target)
  const removed = found.ok ? whyRemoved(engine, stores, found.value) : undefined
  return removed ? err(removed) : found
}

/** By its id, in a folder or space that this device takes part in. */
const findInvite = (
  { stores, engine }: InviteDeps,
  id: string,
): Result<{ readonly store: Store; readonly invite: Invite }, LatticeError> => {
  const named = stores
    .list()
    .flatMap((store) =>
      store.access
        .invites()
        .map((invite) => ({ store, invite, name: '', hex: bytesToHex(invite.secretHash) as string })),
    )
  const found = findNamed(named, id, 'invite')
  const removed = found.ok ? whyRemoved(engine, stores, found.value.store) : undefined
  return removed ? err(removed) : found
}

export const inviteService = (node: InviteDeps): ServiceApi<typeof InviteService> => {
  const { stores, transport, joins } = node
  const steps = new WordsSteps()
  return {
    async previewLink({ link: text }) {
      const link = readLink(node, text)
      return link.ok ? ok(preview(node, link.value)) : link
    },

    async answerJoin({ id, accept }) {
      const found = findJoin(joins.waiting(), id)
      if (!found.ok) return found
      const answered = await joins.answer(found.value.id, accept)
      return answered.ok ? ok({}) : answered
    },

    answerWords: async ({ id, match }) => steps.answer(id, match),

    async listJoins() {
      return ok({ joins: joins.waiting().map(describeJoin) })
    },

    async createInvite({ target, role: wireRole, expiresInMs, uses: wantedUses, approval }) {
      const found = findShared(node, target)
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
      const secret = secureRandomBytes(SECRET_LENGTH)
      const role = ROLES[wireRole] ?? 'writer'
      const expiresMs = Date.now() + lifeMs
      const secretHash = hashSecret(secret)
      const made = await createInvite(stores, store.id, { secretHash, role, expiresMs, uses, approval })
      if (!made.ok) return made
      const link = encodeLink({
        storeId: store.id,
        inviter: transport.self,
        secret,
        expiresMs,
        role,
        uses,
        addresses: transport.addresses(),
        about: { type: store.type, name: store.name, approval },
      })
      const invite = { secretHash, role, expiresMs, uses, used: 0, revoked: false, approval }
      return ok({ link, invite: describe(store, invite) })
    },

    async listInvites() {
      return ok({ invites: describeInvites(stores.list()) })
    },

    async revokeInvite({ id }) {
      const found = findInvite(node, id)
      if (!found.ok) return found
      const done = await revokeInvite(stores, found.value.store.id, found.value.invite.secretHash)
      return done.ok ? ok({}) : done
    },

    async *join(request, signal) {
      if (request.path !== '' && !isAbsolute(request.path))
        return yield err(latticeError('bad-request', 'permanent', 'the path must be absolute'))
      yield* joinLink(node, steps, request, signal)
    },
  }
}
