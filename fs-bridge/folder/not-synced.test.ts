/** What stays on one disk and why, and that nothing is written where it must not be. */
import fs from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { at, level, pairForEach, put, shown, within, type Device, type Pair } from './testing.ts'

const LONG = 'a long line\n'.repeat(100)
let pair: Pair
let a: Device
let b: Device

pairForEach({ beforeEach, afterEach }, (opened) => ({ a, b } = pair = opened))

describe('what does not sync', () => {
  beforeEach(async () => {
    await a.open()
    await b.open()
  })

  test('ignored files stay here, and say why', async () => {
    put(a, '.latticeignore', '*.log\n/build/\n!keep.log\n')
    put(a, 'x.log', '1')
    put(a, 'keep.log', '2')
    put(a, 'build/out', '3')
    put(a, 'src/.latticeignore', 'secret\n')
    put(a, 'src/secret', '4')
    await level(pair)
    expect(Object.keys(shown(b)).sort()).toEqual(['.latticeignore', 'keep.log', 'src/', 'src/.latticeignore'])
    expect(a.folder.explain('x.log')).toContain('*.log')
    expect(a.folder.explain('build/out')).toContain('/build/')
    expect(a.folder.explain('keep.log')).toBeUndefined()
    put(b, '.latticeignore', '')
    await level(pair)
    expect(shown(b)['build/out']).toBe('3')
  })

  test('a rule too long for the regular expressions says nothing, the others hold', async () => {
    put(a, '.latticeignore', `${'*?'.repeat(20_000)}\n*.log\n`)
    put(a, 'kept.txt', 'kept')
    put(a, 'noise.log', 'noise')
    await level(pair)
    expect(Object.keys(shown(b)).sort()).toEqual(['.latticeignore', 'kept.txt'])
    expect(a.folder.explain('noise.log')).toContain('*.log')
  })

  test('special files and names that are no text are reported', async () => {
    const { execFileSync } = await import('node:child_process')
    execFileSync('mkfifo', [at(a, 'pipe')])
    fs.writeFileSync(Buffer.concat([Buffer.from(a.root + '/'), Buffer.from([0x66, 0xff, 0x6f])]), 'x')
    put(a, 'fine', 'x')
    await level(pair)
    expect(shown(b)).toEqual({ fine: 'x' })
    expect(
      a.folder
        .status()
        .problems.map(({ kind }) => kind)
        .sort(),
    ).toEqual(['bad-name', 'special-file'])
  })

  test('a symlink put in place of a directory redirects no write', async () => {
    const outside = join(pair.base, 'outside')
    fs.mkdirSync(outside)
    put(a, 'd/one', '1')
    await level(pair)
    await b.folder.stop()
    fs.rmSync(at(b, 'd'), { recursive: true })
    fs.symlinkSync(outside, at(b, 'd'))
    put(a, 'd/two', '2')
    await a.folder.settled(within())
    await b.pull(a)
    await b.open()
    await level(pair)
    expect(fs.readdirSync(outside)).toEqual([])
    expect(shown(a)).toEqual(shown(b))
  })

  test('modes and times arrive, and what a peer deletes is in the trash', async () => {
    put(a, 'run.sh', '#!')
    fs.chmodSync(at(a, 'run.sh'), 0o755)
    fs.utimesSync(at(a, 'run.sh'), 1_000_000_000, 1_000_000_000.25)
    await level(pair)
    const st = fs.statSync(at(b, 'run.sh'))
    expect(st.mode & 0o777).toBe(0o755)
    expect(st.mtimeMs).toBe(1_000_000_000_250)
    fs.chmodSync(at(b, 'run.sh'), 0o644)
    await level(pair)
    expect(fs.statSync(at(a, 'run.sh')).mode & 0o777).toBe(0o644)
    expect(fs.statSync(at(a, 'run.sh')).mtimeMs).toBe(1_000_000_000_250)
    fs.rmSync(at(a, 'run.sh'))
    await level(pair)
    const [day] = fs.readdirSync(at(b, '.lattice/trash'))
    expect(fs.readFileSync(at(b, `.lattice/trash/${day}/run.sh`), 'utf8')).toBe('#!')
  })

  test('directories change places: what was above is now far below', async () => {
    put(a, 'x/a/b/f', 'text')
    await level(pair)
    // Renamed once more, so that the outer one is the first that the other device hears of.
    for (const [from, to] of [
      ['x', 'y'],
      ['y/a', 't'],
      ['y', 't/b/x'],
    ] as const) {
      fs.renameSync(at(a, from), at(a, to))
      await a.folder.settled(within())
    }
    await level(pair)
    expect(shown(b)).toEqual({ 't/': '', 't/b/': '', 't/b/f': 'text', 't/b/x/': '' })
  })

  test('files renamed, written anew and swapped at once can all be served', async () => {
    const each = Array.from({ length: 6 }, (_, i) => i)
    for (const i of each) for (const name of ['f', 'g', 'h']) put(a, `d${i}/${name}`, `${name}${i}${LONG}`)
    await level(pair)
    for (const i of each) {
      fs.renameSync(at(a, `d${i}/f`), at(a, `moved-f${i}`))
      fs.appendFileSync(at(a, `moved-f${i}`), 'and more')
      fs.renameSync(at(a, `d${i}/g`), at(a, `d${i}/f`))
      fs.renameSync(at(a, `d${i}/h`), at(a, `d${i}/g`))
      put(a, `d${i}/h`, `new${i}${LONG}`)
      fs.renameSync(at(a, `d${i}`), at(a, `e${i}`))
      fs.appendFileSync(at(a, `e${i}/g`), 'and more')
    }
    await level(pair)
    expect(shown(b)).toEqual(shown(a))
  })

  test('a long file with a little inserted fetches only what is new', async () => {
    const bytes = Buffer.alloc(24 * 1024 * 1024)
    for (let i = 0, x = 1; i < bytes.length; i += 4)
      bytes.writeUInt32LE((x = (Math.imul(x, 1664525) + 1013904223) >>> 0), i)
    fs.writeFileSync(at(a, 'big'), bytes)
    await level(pair)
    expect(fs.readFileSync(at(b, 'big')).equals(bytes)).toBe(true)
    const edited = Buffer.concat([bytes.subarray(0, 9_000_000), Buffer.from('inserted'), bytes.subarray(9_000_000)])
    fs.writeFileSync(at(a, 'big'), edited)
    b.fetched = 0
    await level(pair)
    expect(fs.readFileSync(at(b, 'big')).equals(edited)).toBe(true)
    expect(b.fetched).toBeLessThan(4 * 1024 * 1024)
  })
})
