/** `invite`, `invites`, `join`, `peers`, `peer rename|revoke`. */
import { InviteService, type InviteInfo } from '#proto/invite_api'
import { PeerService, type PeerInfo } from '#proto/peer_api'
import { Role, RoleSchema } from '#proto/system'
import { bytesToHex } from '#kernel/core/bytes.ts'
import { absolutePath, openContext, type CommonOptions } from '../context.ts'
import { formatAge, formatTable } from '../format.ts'
import { enumWord } from '../plain.ts'
import type { Terminal } from '../terminal.ts'

const ROLES = { reader: Role.READER, writer: Role.WRITER, admin: Role.ADMIN }
const SHORT_ID = 16

export interface InviteOptions extends CommonOptions {
  readonly role: keyof typeof ROLES
  readonly expires?: number
  readonly uses?: number
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
    },
    ({ link }) => link,
  )
}

const stateOf = (invite: InviteInfo, nowMs: number): string => {
  if (invite.revoked) return 'revoked'
  if (invite.used >= invite.uses) return 'used up'
  if (Number(invite.expiresMs) <= nowMs) return 'expired'
  return `expires ${formatAge(invite.expiresMs, nowMs)}`
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

export const join = async (link: string, path: string | undefined, options: CommonOptions): Promise<void> => {
  const context = await openContext(options)
  context.terminal.progress('asking to be admitted …')
  const request = { link, path: path === undefined ? '' : absolutePath(path) }
  await context.call(InviteService.method.join, request, ({ name, folders }) =>
    [`joined ${name}`, ...folders.map((folder) => `  ${folder.name} syncs to ${folder.path}`)].join('\n'),
  )
  context.terminal.progress('')
}

const connectionOf = (peer: PeerInfo, terminal: Terminal): string => {
  if (peer.self) return 'this device'
  if (peer.revoked) return 'revoked'
  if (!peer.connected) return 'not connected'
  const latency = peer.latencyMs > 0 ? `, ${peer.latencyMs} ms` : ''
  return terminal.green(peer.direct ? `connected${latency}` : `through a relay${latency}`)
}

export const listPeers = async (options: CommonOptions): Promise<void> => {
  const context = await openContext(options)
  await context.call(PeerService.method.listPeers, {}, ({ peers }) =>
    formatTable(
      [{ title: 'PEER' }, { title: 'DEVICE' }, { title: 'SHARES' }, { title: 'CONNECTION' }],
      peers.map((peer) => [
        peer.name,
        bytesToHex(peer.device).slice(0, SHORT_ID),
        peer.memberships.map((m) => `${m.name} (${enumWord(RoleSchema, m.role)})`).join(', ') || '–',
        connectionOf(peer, context.terminal),
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
