/** The tray's states and menu, as tables. */
import { create, type MessageInitShape } from '@bufbuild/protobuf'
import { expect, test } from 'vitest'
import { NoticeKind, NoticeSchema, WatchResponseSchema } from '#proto/event_api'
import { FolderState, type FolderSchema } from '#proto/folder_api'
import type { PeerInfoSchema } from '#proto/peer_api'
import { isSeenAt, notificationFor } from './notices.ts'
import { ShellTexts } from './texts.ts'
import { trayMenu, trayTooltip, type MenuEntry } from './tray-menu.ts'
import { countConflicts, nodeDown, stepView, trayState, type NodeView, type TrayState } from './tray-state.ts'

type FolderInit = MessageInitShape<typeof FolderSchema>
type PeerInit = MessageInitShape<typeof PeerInfoSchema>

const { say } = new ShellTexts(['en'])

const id = (n: number): Uint8Array => new Uint8Array(32).fill(n)
const folder = (init: FolderInit = {}): FolderInit => ({
  storeId: id(1),
  name: 'Photos',
  path: '/p',
  state: FolderState.IDLE,
  ...init,
})
const step = (view: NodeView, event: MessageInitShape<typeof WatchResponseSchema>['event']): NodeView =>
  stepView(view, create(WatchResponseSchema, { event }))
const viewOf = (folders: readonly FolderInit[], peers: readonly PeerInit[] = [], joins = 0): NodeView =>
  step(nodeDown, {
    case: 'snapshot',
    value: {
      status: { folders: [...folders] },
      peers: [...peers],
      pendingJoins: Array.from({ length: joins }, () => ({})),
    },
  })

const there: PeerInit = { device: id(8), connected: true }
const away: PeerInit = { device: id(9), connected: false }
const self: PeerInit = { device: id(7), self: true }

test.each<[TrayState, string, NodeView]>([
  ['attention', 'no node', nodeDown],
  ['idle', 'nothing yet', viewOf([])],
  ['idle', 'nobody was ever there', viewOf([folder()], [self])],
  ['idle', 'all level', viewOf([folder()], [self, there])],
  ['offline', 'others are away', viewOf([folder()], [self, away])],
  ['idle', 'one of the others is there', viewOf([folder()], [self, away, there])],
  ['idle', 'who was revoked does not count', viewOf([folder()], [self, { ...away, revoked: true }])],
  ['syncing', 'scanning, even alone', viewOf([folder({ state: FolderState.SCANNING })])],
  ['syncing', 'changes under way', viewOf([folder({ state: FolderState.SYNCING })], [there])],
  ['offline', 'changes wait for somebody', viewOf([folder({ state: FolderState.SYNCING })], [away])],
  ['syncing', 'others have still to take something', viewOf([folder({ pendingOut: 1 })], [there])],
  ['paused', 'all are paused', viewOf([folder({ state: FolderState.PAUSED })], [there])],
  ['paused', 'paused and alone', viewOf([folder({ state: FolderState.PAUSED })], [away])],
  ['idle', 'one is paused', viewOf([folder({ state: FolderState.PAUSED }), folder({ storeId: id(2) })], [there])],
  ['idle', 'what is only available does not count', viewOf([folder({ state: FolderState.AVAILABLE, conflicts: 3 })])],
  ['attention', 'a folder failed', viewOf([folder({ state: FolderState.ERROR })], [there])],
  [
    'attention',
    'a conflict, whatever else goes on',
    viewOf([folder({ state: FolderState.SYNCING, conflicts: 1 })], [there]),
  ],
  ['attention', 'somebody waits to be let in', viewOf([folder()], [there], 1)],
])('%s: %s', (state, _, view) => {
  expect(trayState(view)).toBe(state)
})

test('each event changes what it is about, and nothing else', () => {
  const start = viewOf([folder()], [self, away])
  const synced = step(step(start, { case: 'peer', value: there }), { case: 'folder', value: folder({ conflicts: 2 }) })
  expect([trayState(synced), countConflicts(synced)]).toEqual(['attention', 2])
  const settled = step(synced, { case: 'folder', value: folder() })
  expect(trayState(settled)).toBe('idle')
  expect(trayState(step(settled, { case: 'pendingJoins', value: { joins: [{}] } }))).toBe('attention')
  expect(step(settled, { case: 'folderRemoved', value: id(1) }).folders.size).toBe(0)
  expect(step(settled, { case: 'traffic', value: {} })).toBe(settled)
})

const labels = (entries: readonly MenuEntry[]): string[] =>
  entries.map((entry) => (entry.kind === 'separator' ? '-' : entry.label))

test('the menu names each folder with its state, and what can be done', () => {
  const view = viewOf([folder(), folder({ storeId: id(2), name: 'A & B', state: FolderState.PAUSED, conflicts: 2 })])
  expect(labels(trayMenu(view, say))).toEqual([
    'Open Lattice',
    '-',
    'A && B (paused)',
    'Photos (up to date)',
    '-',
    'Add folder…',
    'Invite…',
    'Conflicts (2)',
    'Pause syncing',
    '-',
    'Settings',
    'Quit Lattice',
  ])
  const [, , paused, running] = trayMenu(view, say)
  expect(paused?.kind === 'submenu' && labels(paused.entries)).toEqual(['Open folder', 'Show in Lattice', 'Resume'])
  expect(running?.kind === 'submenu' && labels(running.entries)).toEqual(['Open folder', 'Show in Lattice', 'Pause'])
})

test('when all are paused the menu offers to go on; without a node it only opens and quits', () => {
  expect(labels(trayMenu(viewOf([folder({ state: FolderState.PAUSED })]), say))).toContain('Resume syncing')
  expect(labels(trayMenu(viewOf([]), say))).not.toContain('Pause syncing')
  expect(labels(trayMenu(nodeDown, say))).toEqual(['Open Lattice', '-', 'Quit Lattice'])
  expect(trayTooltip(nodeDown, say)).toBe('Lattice: not running')
})

test('many folders do not make a menu without end', () => {
  const many = Array.from({ length: 25 }, (_, n) => folder({ storeId: id(n + 1), name: `f${n}` }))
  expect(labels(trayMenu(viewOf(many), say))).toContain('5 more…')
})

const notified = (
  kind: NoticeKind,
  init: MessageInitShape<typeof NoticeSchema> = {},
  view = viewOf([folder()], [self]),
) =>
  notificationFor(
    create(NoticeSchema, { kind, about: 'ab/c', storeId: id(1), path: 'a.txt', deviceName: 'ben', ...init }),
    view,
    say,
  )

test.each([
  [NoticeKind.CONFLICT, '/conflicts/ab%2Fc', 'a.txt in Photos: ben changed it too.'],
  [NoticeKind.JOIN_REQUEST, '/pairing', 'ben asks to join Photos.'],
  [NoticeKind.JOINED, '/peers', 'ben has joined Photos.'],
  [NoticeKind.REVOKED, '/peers', 'ben has no rights to Photos any more.'],
  [NoticeKind.LOW_DISK, '/settings', 'Make room on the disk of ab/c.'],
  [NoticeKind.FOLDER_ERROR, `/files/${'01'.repeat(32)}`, 'Photos needs attention.'],
])('a notice of kind %i leads to %s', (kind, route, body) => {
  expect(notified(kind)).toMatchObject({ route, body })
})

test('a notice without a folder says what it can', () => {
  const nowhere = { storeId: new Uint8Array() }
  expect(notified(NoticeKind.JOINED, nowhere)?.body).toBe('ben has joined a space.')
  expect(notified(NoticeKind.REVOKED, nowhere)?.body).toBe('ben has no rights to several folders any more.')
  expect(notified(NoticeKind.REVOKED, { about: '07'.repeat(32) })?.body).toBe(
    'This device has no rights to Photos any more.',
  )
  expect(notified(NoticeKind.CONFLICT, { about: '' })).toMatchObject({
    route: '/conflicts',
    body: 'Several files of Photos. Both versions of each are kept.',
  })
})

test('a notice of an unknown kind is no notification', () => {
  expect(notified(NoticeKind.UNSPECIFIED)).toBeUndefined()
})

test.each([
  [NoticeKind.CONFLICT, '/conflicts', true],
  [NoticeKind.CONFLICT, '/conflicts/x', true],
  [NoticeKind.CONFLICT, '/conflictsx', false],
  [NoticeKind.CONFLICT, '/folders', false],
  [NoticeKind.CONFLICT, undefined, false],
  [NoticeKind.JOIN_REQUEST, '/folders', true],
  [NoticeKind.JOIN_REQUEST, undefined, false],
])('what kind %i tells is seen at %s: %s', (kind, place, isSeen) => {
  expect(isSeenAt(notified(kind)!, place)).toBe(isSeen)
})
