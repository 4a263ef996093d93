/** `invite`, `invites`, `join`, `joins`, `peers`, `peer rename|revoke|role`. */
import { AskedStepSchema, InviteService, JoinedStepSchema, type AskedStep, type InviteInfo } from '#proto/invite_api'
import { LagState, PeerService, type FolderLag, type PeerInfo } from '#proto/peer_api'
import { Role, RoleSchema } from '#proto/system'
import { bytesToHex } from '#kernel/core/bytes.ts'
import { latticeError, type LatticeError } from '#kernel/core/result.ts'
import { absolutePath, openContext, type CommonOptions, type Context } from '../context.ts'
import { formatAge, formatCount, formatTable } from '../format.ts'
import { enumWord, plainMessage } from '../plain.ts'
import type { Terminal } from '../terminal.ts'
import { WordsAnswers } from '../words-answers.ts'

const ROLES = { reader: Role.READER, writer: Role.WRITER, admin: Role.ADMIN }
const SHORT_ID = 16

export interface InviteOptions extends CommonOptions {
  readonly role: keyof typeof ROLES
  readonly expires?: number
  readonly uses?: number
  readonly approve?: boolean
}

/** The link alone on standard output, so that it can be piped. */
export const invite = async (target: string, options: InviteOptions): Promise<void> => {
  const context = await openContext(options)
  await context.call(
    InviteService.method.createInvite,
    {
      target,
      role: ROLES[options.role],
      expiresInMs: BigInt(options.expires ?? 0),
      uses: options.uses ?? 0,
      approval: options.approve ?? false,
    },
    ({ link }) => link,
  )
}

const stateOf = (invite: InviteInfo, nowMs: number): string => {
  if (invite.revoked) return 'revoked'
  if (invite.used >= invite.uses) return 'used up'
  if (Number(invite.expiresMs) <= nowMs) return 'expired'
  return `expires ${formatAge(invite.expiresMs, nowMs)}${invite.approval ? ', asks before it admits' : ''}`
}

export const listInvites = async (options: CommonOptions): Promise<void> => {
  const context = await openContext(options)
  await context.call(InviteService.method.listInvites, {}, ({ invites }) =>
    invites.length === 0
      ? 'No links were made.'
      : formatTable(
          [{ title: 'ID' }, { title: 'FOR' }, { title: 'ROLE' }, { title: 'USED', align: 'right' }, { title: 'STATE' }],
          invites.map((invite) => [
            bytesToHex(invite.id).slice(0, SHORT_ID),
            invite.target,
            enumWord(RoleSchema, invite.role),
            `${invite.used}/${invite.uses}`,
            stateOf(invite, Date.now()),
          ]),
          context.terminal.dim,
        ),
  )
}

export const revokeInvite = async (id: string, options: CommonOptions): Promise<void> => {
  const context = await openContext(options)
  await context.call(InviteService.method.revokeInvite, { id }, () => 'the link no longer works')
}

const waitingWords = (words: readonly string[]): string =>
  `waiting for somebody there to let this device in. Both screens must show the same words: ${words.join(' ')}`

export const listJoins = async (options: CommonOptions): Promise<void> => {
  const context = await openContext(options)
  await context.call(InviteService.method.listJoins, {}, ({ joins }) =>
    joins.length === 0
      ? 'No device waits to be let in.'
      : formatTable(
          [
            { title: 'ID' },
            { title: 'CALLS ITSELF' },
            { title: 'FROM' },
            { title: 'FOR' },
            { title: 'ROLE' },
            { title: 'WORDS' },
            { title: 'SINCE' },
          ],
          joins.map((join) => [
            join.id.slice(0, SHORT_ID),
            join.deviceName,
            join.address,
            join.target,
            enumWord(RoleSchema, join.role),
            join.differs ? 'differ, it says' : join.words.join(' '),
            formatAge(join.sinceMs, Date.now()),
          ]),
          context.terminal.dim,
        ),
  )
}

export const answerJoin = async (id: string, accept: boolean, options: CommonOptions): Promise<void> => {
  const context = await openContext(options)
  await context.call(InviteService.method.answerJoin, { id, accept }, () =>
    accept ? 'the device is let in' : 'the device was sent away',
  )
}

interface JoinOptions extends CommonOptions {
  /** Ask on standard input whether the words match. */
  readonly confirm?: boolean
}

/** Nobody can answer any more; `admitted`: the other device has let this one in already. */
const unanswered = (admitted: boolean): LatticeError => {
  const why = 'nothing was joined, for standard input ended before a “y” or “n” on whether the words match'
  const rest = '; but the other device has let this one in: have it removed there'
  return latticeError('join-cancelled', 'permanent', admitted ? why + rest : why)
}

const wordsAnswers = ({ client, terminal }: Context): WordsAnswers =>
  new WordsAnswers({
    input: process.stdin,
    tell: (id, match) => client.unary(InviteService.method.answerWords, { id, match }),
    note: (text) => terminal.note(text),
  })

export const join = async (link: string, path: string | undefined, options: JoinOptions): Promise<void> => {
  const context = await openContext(options)
  const { terminal, json } = context
  const preview = await context.client.unary(InviteService.method.previewLink, { link })
  if (!preview.ok) return context.fail(preview.error)
  const { name, inviter, approval } = preview.value
  if (approval) terminal.note(`asking the device ${bytesToHex(inviter).slice(0, SHORT_ID)} to be let in to ${name}`)
  else terminal.progress('asking to be admitted …')
  const confirm = options.confirm === true
  const request = { link, path: path === undefined ? '' : absolutePath(path), confirm }
  using answers = confirm ? wordsAnswers(context) : undefined
  let shown: AskedStep | undefined
  for await (const reply of context.client.stream(InviteService.method.join, request, answers?.ended)) {
    terminal.progress('')
    if (!reply.ok) return context.fail(answers?.ended.aborted ? unanswered(shown?.admitted === true) : reply.error)
    const { step } = reply.value
    if (step.case === 'asked') {
      if (json) terminal.json(plainMessage(AskedStepSchema, step.value))
      else {
        const { id, words, admitted } = step.value
        if (shown && shown.id !== id) terminal.note('The connection broke: these words take the place of those before.')
        if (shown?.id !== id) terminal.note(waitingWords(words))
        if (admitted) terminal.note('The other device has let this one in.')
        else if (confirm) terminal.note('Does the other screen show the same words? (y/n)')
      }
      shown = step.value
      answers?.show(shown.id)
    } else if (step.case === 'joined') {
      const { name: joined, folders } = step.value
      if (json) terminal.json(plainMessage(JoinedStepSchema, step.value))
      else
        terminal.print(
          [`joined ${joined}`, ...folders.map((folder) => `  ${folder.name} syncs to ${folder.path}`)].join('\n'),
        )
    }
  }
}

const connectionOf = (peer: PeerInfo, terminal: Terminal): string => {
  if (peer.self) return 'this device'
  if (peer.revoked) return 'revoked'
  if (!peer.connected) return 'not connected'
  const latency = peer.latencyMs > 0 ? `, ${peer.latencyMs} ms` : ''
  return terminal.green(peer.direct ? `connected${latency}` : `through a relay${latency}`)
}

/** “3 changes behind”; undefined: nothing stands between the peer and the folder. */
const lagWords = ({ state, changesBehind, pending }: FolderLag): string | undefined => {
  const count = (n: number): string => `${formatCount(n)} change${n === 1 ? '' : 's'}`
  switch (state) {
    case LagState.LEVEL:
      return undefined
    case LagState.BEHIND:
      return `${count(changesBehind)} behind`
    case LagState.WRITING:
      return pending > 0 ? `${count(pending)} to write` : 'still writing'
    case LagState.UNSPECIFIED:
      return 'not known yet'
  }
}

/** “level”, “3 changes behind, last seen 2 hours ago”; with the folders' names where there are several. */
const standingOf = (peer: PeerInfo, nowMs: number): string => {
  if (peer.self || peer.revoked) return '–'
  const nameOf = new Map(peer.memberships.map((m) => [bytesToHex(m.storeId), m.name]))
  const lags = peer.lags.flatMap((lag) => {
    const words = lagWords(lag)
    if (words === undefined) return []
    return peer.lags.length === 1 ? [words] : [`${nameOf.get(bytesToHex(lag.storeId)) ?? ''}: ${words}`]
  })
  const standing = lags.length > 0 ? lags.join('; ') : peer.lags.length > 0 ? 'level' : '–'
  if (peer.connected) return standing
  return peer.lastSeenMs > 0n
    ? `${standing}, last seen ${formatAge(peer.lastSeenMs, nowMs)}`
    : `${standing}, never seen`
}

/** The other devices that a peer is connected to, as it tells; with `?` what only it says. */
const linkedTo = ({ self, links }: PeerInfo, peers: readonly PeerInfo[]): string =>
  (self ? [] : links)
    .map(({ device, direct, confirmed }) => {
      const name = peers.find((peer) => bytesToHex(peer.device) === bytesToHex(device))?.name ?? ''
      return `${name}${direct ? '' : ' (relayed)'}${confirmed ? '' : '?'}`
    })
    .sort()
    .join(', ') || '–'

export const listPeers = async (options: CommonOptions): Promise<void> => {
  const context = await openContext(options)
  await context.call(PeerService.method.listPeers, {}, ({ peers }) =>
    formatTable(
      [
        { title: 'PEER' },
        { title: 'DEVICE' },
        { title: 'SHARES' },
        { title: 'CONNECTION' },
        { title: 'STATE' },
        { title: 'LINKED TO' },
      ],
      peers.map((peer) => [
        peer.name,
        bytesToHex(peer.device).slice(0, SHORT_ID),
        peer.memberships.map((m) => `${m.name} (${enumWord(RoleSchema, m.role)})`).join(', ') || '–',
        connectionOf(peer, context.terminal),
        standingOf(peer, Date.now()),
        linkedTo(peer, peers),
      ]),
      context.terminal.dim,
    ),
  )
}

export const renamePeer = async (peer: string, name: string, options: CommonOptions): Promise<void> => {
  const context = await openContext(options)
  await context.call(PeerService.method.renamePeer, { peer, name }, () => `${peer} is now called ${name}`)
}

export const revokePeer = async (peer: string, options: CommonOptions): Promise<void> => {
  const context = await openContext(options)
  await context.call(
    PeerService.method.revokePeer,
    { peer },
    ({ stores }) => `${peer} no longer has access to ${stores.join(', ')}`,
  )
}

export const setRole = async (
  peer: string,
  target: string,
  role: keyof typeof ROLES,
  options: CommonOptions,
): Promise<void> => {
  const context = await openContext(options)
  await context.call(
    PeerService.method.setRole,
    { peer, target, role: ROLES[role] },
    () => `${peer} is ${role} of ${target} now`,
  )
}
