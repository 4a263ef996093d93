/** What is told of where something happened: the latest, and never less than all. */
import { beforeEach, expect, test } from 'vitest'
import { DIRECTORIES_MAX, Touched } from './touched.ts'

let now: number
let touched: Touched

beforeEach(() => {
  now = 0
  touched = new Touched(() => ++now)
})

test('each directory is told once, of a time, in NFC', () => {
  touched.directory('a')
  touched.tree('cafe\u0301')
  touched.directory('b')
  touched.directory('a')
  expect(touched.since(0)).toEqual({ directories: ['b', 'a'], trees: ['caf\u00e9'] })
  expect(touched.since(3)).toEqual({ directories: ['a'], trees: [] })
  expect(touched.since(4)).toBeUndefined()
})

test('more than can be told is anywhere, for those who were not told of the first', () => {
  for (let i = 0; i < DIRECTORIES_MAX; i++) touched.directory(`d${i}`)
  expect(touched.since(0)?.directories).toHaveLength(DIRECTORIES_MAX)
  touched.directory('one more')
  expect(touched.since(0)).toEqual({ directories: [], trees: [''] })
  expect(touched.since(1)?.directories).toHaveLength(DIRECTORIES_MAX)
})

test('anywhere is told until something else is asked for only', () => {
  touched.directory('a')
  touched.tree('')
  touched.directory('b')
  expect(touched.since(0)).toEqual({ directories: [], trees: [''] })
  expect(touched.since(2)).toEqual({ directories: ['b'], trees: [] })
})

test('where is not to be found out until somebody has asked', () => {
  expect(touched.isAnywhere).toBe(true)
  touched.since(0)
  expect(touched.isAnywhere).toBe(false)
  touched.directory('a')
  expect(touched.isAnywhere).toBe(false)
  touched.anywhere()
  expect(touched.isAnywhere).toBe(true)
})
