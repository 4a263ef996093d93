/** What waits for what, and what ends the waiting. */
import { beforeEach, expect, test } from 'vitest'
import { inodeKey } from '../filestore/values.ts'
import type { Inode } from '../filestore/port.ts'
import { Backlog } from './backlog.ts'

const inode = (n: number): Inode => new Uint8Array(16).fill(n) as Inode
const [ONE, TWO] = [inode(1), inode(2)]
let backlog: Backlog

beforeEach(() => {
  backlog = new Backlog()
})

test('what is added anew waits for nothing any more', () => {
  backlog.stall(ONE)
  backlog.defer(TWO)
  expect([backlog.hasReady, backlog.size, backlog.stalled]).toEqual([false, 2, [inodeKey(ONE)]])
  backlog.add(ONE)
  backlog.add(TWO)
  expect([backlog.hasReady, backlog.size, backlog.stalled]).toEqual([true, 2, []])
  expect(backlog.take(10)).toEqual([ONE, TWO])
  backlog.done()
  backlog.unstall()
  backlog.undefer()
  expect([backlog.hasReady, backlog.size, backlog.hasUnfinished]).toEqual([false, 0, false])
})

test('what nobody had is asked for again at once if a peer came while it was asked for', () => {
  backlog.add(ONE)
  expect(backlog.take(10)).toEqual([ONE])
  backlog.unstall()
  backlog.done()
  backlog.stall(ONE)
  expect([backlog.hasReady, backlog.stalled]).toEqual([true, []])
  expect(backlog.take(10)).toEqual([ONE])
  backlog.done()
  backlog.stall(ONE)
  expect([backlog.hasReady, backlog.stalled]).toEqual([false, [inodeKey(ONE)]])
})

test('what is taken is unfinished until it is done, and ready again if it failed', () => {
  backlog.add(ONE)
  backlog.add(TWO)
  expect(backlog.take(1)).toEqual([ONE])
  expect([backlog.size, backlog.hasUnfinished]).toEqual([2, true])
  backlog.add(ONE) // something happened to it meanwhile
  backlog.done()
  expect(backlog.take(10)).toEqual([TWO, ONE])
  backlog.failed()
  expect(backlog.take(10)).toEqual([TWO, ONE])
  backlog.done()
  expect(backlog.size).toBe(0)
})

test('what waits for the user is not counted, and comes again when he did something there', () => {
  expect(backlog.waitsForUser('path', ONE)).toBe(false)
  backlog.refuse('path')
  expect(backlog.waitsForUser('path', ONE)).toBe(true)
  expect(backlog.size).toBe(0)
  backlog.reconsider('elsewhere')
  expect(backlog.hasReady).toBe(false)
  backlog.reconsider('path')
  expect(backlog.take(10)).toEqual([ONE])
  expect(backlog.reconsiderAll()).toBe(false)
})
