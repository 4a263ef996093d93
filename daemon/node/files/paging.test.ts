/**
 * Pages of what changes meanwhile: what was there from the first page to the last comes once, what was there for a part
 * of it at most once, and nothing comes that never was. Held against the plain sets of what there was.
 */
import fs from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { create } from '@bufbuild/protobuf'
import { BrowseRequestSchema, ListTrashRequestSchema } from '#proto/file_api'
import { bytesToHex, type Hash } from '#kernel/core/bytes.ts'
import { must } from '#kernel/store/testkit.ts'
import { trashOp } from '#fs-bridge/filestore/ops.ts'
import type { Inode } from '#fs-bridge/filestore/port.ts'
import { compareNames } from '#fs-bridge/filestore/slot.ts'
import { ROOT } from '#fs-bridge/filestore/values.ts'
import { pairForEach, type Device } from '#fs-bridge/folder/testing.ts'
import { decodeFileOps } from '../history.ts'
import { listChanges, Trails } from './activity.ts'
import { make, serviceOf, textContent, within, write } from './testing.ts'

let a: Device
let b: Device
pairForEach({ beforeEach, afterEach }, (opened) => ({ a, b } = opened))

const RUNS = 30
// By UTF-16 the last two would change places.
const names = ['a', 'a b', 'ab', 'b', 'c', 'd', 'e', 'z', 'é', '\uff5e', '\u{1f600}']
const someNames = fc.subarray(names)
const toggles = fc.array(fc.record({ name: fc.constantFrom(...names), isLocal: fc.boolean() }), { maxLength: 4 })
const limits = fc.integer({ min: 1, max: 4 })

/** What was there at every look, and what at any. */
class Watched {
  #always: ReadonlySet<string> | undefined
  readonly ever = new Set<string>()

  look(now: Iterable<string>): void {
    const seen = new Set(now)
    this.#always = new Set([...(this.#always ?? seen)].filter((each) => seen.has(each)))
    for (const each of seen) this.ever.add(each)
  }

  expectPages(shown: readonly string[]): void {
    expect(new Set(shown).size).toBe(shown.length)
    expect([...this.#always!].filter((each) => !shown.includes(each))).toEqual([])
    expect(shown.filter((each) => !this.ever.has(each))).toEqual([])
  }
}

/** A directory of the folder whose files come and go: those everyone sees, and those on this disk only. */
const openDirectory = async (name: string) => {
  const dir = await make(a, 'dir', ROOT, name)
  const inodes = new Map<string, Inode>()
  const local = new Set<string>()
  fs.mkdirSync(join(a.root, name))
  const toggle = async (file: string, isLocal: boolean): Promise<void> => {
    const path = join(a.root, name, file)
    const inode = inodes.get(file)
    if (isLocal && local.delete(file)) fs.rmSync(path)
    else if (isLocal) {
      fs.writeFileSync(path, '')
      local.add(file)
    } else if (inode) {
      await write(a, [trashOp(inode, 'file', { parent: dir, name: file }, textContent(''))])
      inodes.delete(file)
    } else inodes.set(file, await make(a, 'file', dir, file, textContent('')))
  }
  return { toggle, now: () => [...inodes.keys(), ...local] }
}

test('a directory whose files come and go between the pages', async () => {
  let runs = 0
  const property = fc.asyncProperty(
    someNames,
    someNames,
    fc.array(toggles, { maxLength: 6 }),
    limits,
    async (seen, local, changes, limit) => {
      const path = `run ${runs++}`
      const { toggle, now } = await openDirectory(path)
      for (const name of seen) await toggle(name, false)
      for (const name of local) await toggle(name, true)
      const watched = new Watched()
      const service = serviceOf(a)
      const shown: string[] = []
      for (let page = 0, more = true; more; page++) {
        watched.look(now())
        const request = create(BrowseRequestSchema, { folder: 'f', path, after: shown.at(-1) ?? '', limit })
        const reply = must(await service.browse(request, within()))
        shown.push(...reply.rows!.map(({ name }) => name!))
        more = reply.more!
        for (const { name, isLocal } of more ? (changes[page] ?? []) : []) await toggle(name, isLocal)
      }
      watched.expectPages(shown)
      expect(shown).toEqual(shown.toSorted(compareNames))
    },
  )
  await fc.assert(property, { numRuns: RUNS })
})

test('trash that fills between the pages', async () => {
  const trash = async (name: string): Promise<string> => {
    const inode = await make(a, 'file', ROOT, name, textContent(''))
    await write(a, [trashOp(inode, 'file', { parent: ROOT, name }, textContent(''))])
    return bytesToHex(inode)
  }
  const inTrash: string[] = []
  const property = fc.asyncProperty(fc.array(fc.nat(2), { maxLength: 4 }), limits, async (arrivals, limit) => {
    inTrash.push(await trash('one'), await trash('two'))
    const watched = new Watched()
    const service = serviceOf(a)
    const shown: string[] = []
    for (let page = 0, after = '', more = true; more; page++) {
      watched.look(inTrash)
      const request = create(ListTrashRequestSchema, {
        folder: 'f',
        after,
        limit: limit + Math.floor(inTrash.length / 3),
      })
      const reply = must(await service.listTrash(request, within()))
      shown.push(...reply.files!.map(({ id }) => id!.slice(0, 32)))
      after = reply.files!.at(-1)!.id!
      more = reply.more!
      for (let i = 0; i < (more ? (arrivals[page] ?? 0) : 0); i++) inTrash.push(await trash('late'))
    }
    watched.expectPages(shown)
  })
  await fc.assert(property, { numRuns: RUNS })
})

test('activity while a peer brings what is older', async () => {
  const property = fc.asyncProperty(
    fc.array(fc.boolean(), { maxLength: 12 }),
    limits,
    fc.nat(20),
    async (who, limit, at) => {
      await b.pull(a)
      for (const isOurs of who) await make(isOurs ? a : b, 'file', ROOT, 'f', textContent(''))
      const known = (): string[] => [...a.store.dag.log()].map(({ hash }) => bytesToHex(hash))
      const watched = new Watched()
      watched.look(known())
      let breaths = 0
      // In the middle of a call, wherever that is.
      const breathe = async (): Promise<void> => {
        if (breaths++ === at) await a.pull(b)
      }
      const filter = { device: undefined, path: '', fromMs: 0n, toMs: 0n }
      const shown: string[] = []
      const trails = new Trails()
      for (let after = ''; ;) {
        const page = (await listChanges([a.store], filter, { after, limit }, trails, breathe))!
        shown.push(...page.entries.map(({ hash }) => bytesToHex(hash!)))
        if (page.next === '') break
        after = page.next
      }
      const aboutFiles = (hash: string): boolean => {
        const written = a.store.dag.get(new Uint8Array(Buffer.from(hash, 'hex')) as Hash)!
        return decodeFileOps(written.ops).length > 0
      }
      expect(new Set(shown).size).toBe(shown.length)
      expect([...watched.ever].filter((hash) => aboutFiles(hash) && !shown.includes(hash))).toEqual([])
      await a.pull(b)
    },
  )
  await fc.assert(property, { numRuns: RUNS })
})
