import { expect, test } from 'vitest'
import { NoticeKind } from '#proto/event_api'
import type { HexKey } from '#kernel/core/bytes.ts'
import { Changes } from './dirty.ts'
import { SPACE_WARNING_BYTES } from './doctor.ts'
import {
  isLow,
  NoticeBoard,
  noticesBetween,
  NOTHING_SEEN,
  type DeviceSight,
  type FolderSight,
  type Sight,
} from './notices.ts'

const key = (digit: string): HexKey => digit.repeat(64) as HexKey
const store = key('a')
const other = key('b')

const conflict = (id: string) => ({ id, path: `${id}.txt`, kind: 'content', deviceName: 'ben' })
const folder = (parts: Partial<FolderSight> = {}): FolderSight => ({ name: 'f', conflicts: [], error: '', ...parts })
const folders = (parts: Partial<FolderSight> = {}): Sight => ({
  ...NOTHING_SEEN,
  folders: new Map([[store, folder(parts)]]),
})
const device = (activeIn: HexKey[], revokedFrom: HexKey[], self = false): Sight => ({
  ...NOTHING_SEEN,
  devices: new Map<HexKey, DeviceSight>([
    [key('d'), { name: 'ben', self, activeIn: new Set(activeIn), revokedFrom: new Set(revokedFrom) }],
  ]),
})

test('a new conflict is told, one that stands is not', () => {
  const one = folders({ conflicts: [conflict('x')] })
  const two = folders({ conflicts: [conflict('x'), conflict('y')] })
  expect(noticesBetween(NOTHING_SEEN, one)).toEqual([])
  expect(noticesBetween(one, one)).toEqual([])
  expect(noticesBetween(one, two)).toEqual([
    {
      kind: NoticeKind.CONFLICT,
      store,
      path: 'y.txt',
      deviceName: 'ben',
      about: 'y',
      message: 'y.txt in f was changed on two sides',
    },
  ])
  expect(noticesBetween(two, one)).toEqual([])
})

test('a conflict that this device itself brought back is no news to its person', () => {
  const back = folders({ conflicts: [{ ...conflict('x'), deviceName: '' }] })
  expect(noticesBetween(folders(), back)).toEqual([])
})

test('many new conflicts at once are one notice', () => {
  const many = folders({ conflicts: Array.from({ length: 6 }, (_, i) => conflict(`c${i}`)) })
  expect(noticesBetween(folders(), many).map(({ about, message }) => [about, message])).toEqual([
    [undefined, '6 files of f were changed on two sides'],
  ])
})

test('a folder in trouble is told once, also when it is so from the start', () => {
  const bad = folders({ error: 'it is gone' })
  expect(noticesBetween(NOTHING_SEEN, bad).map(({ kind, message }) => [kind, message])).toEqual([
    [NoticeKind.FOLDER_ERROR, 'f does not sync: it is gone'],
  ])
  expect(noticesBetween(bad, folders({ error: 'it is still gone' }))).toEqual([])
  expect(noticesBetween(bad, folders())).toEqual([])
  expect(noticesBetween(folders(), bad)).toHaveLength(1)
})

test('a disk that fills up is told once, until it has recovered', () => {
  const disk = (low: boolean): Sight => ({ ...NOTHING_SEEN, disks: new Map([['1', { path: '/home', low }]]) })
  expect(noticesBetween(NOTHING_SEEN, disk(true)).map(({ kind }) => kind)).toEqual([NoticeKind.LOW_DISK])
  expect(noticesBetween(disk(true), disk(true))).toEqual([])
  expect(noticesBetween(disk(true), disk(false))).toEqual([])
  expect(noticesBetween(disk(false), disk(true))).toHaveLength(1)
  expect(isLow(SPACE_WARNING_BYTES, false)).toBe(false)
  expect(isLow(SPACE_WARNING_BYTES, true)).toBe(true)
  expect(isLow(SPACE_WARNING_BYTES - 1, false)).toBe(true)
  expect(isLow(1.2 * SPACE_WARNING_BYTES, true)).toBe(false)
})

test('a revocation is told once a device, not for those revoked before or elsewhere', () => {
  expect(noticesBetween(NOTHING_SEEN, device([], [store]))).toEqual([])
  expect(noticesBetween(device([store], []), device([store], [other]))).toEqual([])
  const [notice, ...more] = noticesBetween(device([store, other], []), device([], [store, other]))
  expect(more).toEqual([])
  expect(notice).toMatchObject({ kind: NoticeKind.REVOKED, about: key('d'), deviceName: 'ben' })
  expect(noticesBetween(device([store], [], true), device([], [store], true))[0]!.message).toMatch(/^this device /)
})

test('the board keeps the latest hundred, counts on, and says that there is something new', () => {
  const changes = new Changes()
  const keys: string[] = []
  changes.subscribe((changed) => keys.push(changed))
  let nowMs = 0
  const board = new NoticeBoard(changes, () => nowMs++)
  for (let i = 1; i <= 103; i++) board.add({ kind: NoticeKind.JOINED, store, message: `${i}` })
  expect(board.list()).toHaveLength(100)
  expect(board.list()[0]).toMatchObject({ id: 4n, timeMs: 3n, message: '4' })
  expect(board.list().at(-1)).toMatchObject({ id: 103n, storeId: new Uint8Array(32).fill(0xaa) })
  expect(keys).toEqual(Array.from({ length: 103 }, () => 'notice'))
})
