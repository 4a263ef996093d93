/** Which rules hold for what waits between two names in `.lattice/parked`. */
import fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { IgnoreRules } from './ignore-rules.ts'

const TOP = '.lattice/parked/00ff-0'
let root: string

beforeEach(() => {
  root = fs.mkdtempSync(join(tmpdir(), 'lattice-ignore-'))
  fs.mkdirSync(join(root, TOP, 'deep'), { recursive: true })
})
afterEach(() => fs.rmSync(root, { recursive: true }))

const ignored = (paths: readonly string[]): readonly boolean[] => {
  const rules = new IgnoreRules(root)
  return paths.map((path) => rules.explain(path, false) !== undefined)
}

test("Lattice's own files are ignored, parked ones of the user's are not", () => {
  fs.writeFileSync(join(root, '.latticeignore'), '.*\n/f\n')
  expect(ignored(['.lattice', '.lattice/folder', '.lattice/parked', '.lattice/parkedx/f'])).not.toContain(false)
  expect(ignored([TOP, `${TOP}/f`, `${TOP}/deep/f`])).not.toContain(true)
})

test("in a parked directory its own rules hold, then the root's", () => {
  fs.writeFileSync(join(root, '.latticeignore'), '*.log\n')
  fs.writeFileSync(join(root, TOP, '.latticeignore'), '!kept.log\n/deep/own\n')
  expect(ignored([`${TOP}/x.log`, `${TOP}/deep/own`])).toEqual([true, true])
  expect(ignored([`${TOP}/kept.log`, `${TOP}/own`, `${TOP}/deep/f`])).toEqual([false, false, false])
})
