/** Trees that people really have: an installed node_modules, and git repositories worked on from both sides. */
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { describeTree, differences } from './support/trees.ts'
import { level, TestWorld } from './support/world.ts'

const checkout = path.resolve(import.meta.dirname, '..')
/** Without optional locks: `git status` would otherwise write the index anew, and differently on both sides. */
const git = (cwd: string, ...args: string[]): string =>
  execFileSync('git', ['--no-optional-locks', '-c', 'user.name=Test', '-c', 'user.email=test@example.org', ...args], {
    cwd,
    encoding: 'utf8',
  })

/** All of it, over 30,000 entries, where there is time for it; otherwise as many packages as make this many. */
const ENTRIES = process.env['LATTICE_LONG'] ? Infinity : 6_000

test('the installed node_modules arrives byte for byte, modes and times included', async () => {
  await using world = await TestWorld.create()
  const nodes = await world.pair()
  const source = fs.realpathSync(path.join(checkout, 'node_modules'))
  const target = path.join(nodes.dirA, 'node_modules')
  const packages = fs.readdirSync(source).sort()
  for (let left = ENTRIES; left > 0 && packages.length > 0;) {
    const from = path.join(source, packages.shift()!)
    fs.mkdirSync(target, { recursive: true })
    execFileSync('cp', ['-a', from, target])
    left -= fs.statSync(from).isDirectory() ? fs.readdirSync(from, { recursive: true }).length : 1
  }
  // The compiled programs are most of the bytes, and say little about trees.
  execFileSync('find', [target, '-type', 'f', '-size', '+4M', '-delete'])
  await level('f', nodes.a, nodes.b)
  const [a, b] = [describeTree(nodes.dirA, { times: true }), describeTree(nodes.dirB, { times: true })]
  expect(a.length).toBeGreaterThan(Math.min(ENTRIES, 30_000) * 0.9)
  expect(a.some((line) => line.includes(' -> '))).toBe(true)
  expect(differences(a, b)).toEqual([])
}, 600_000)

test('a repository cloned on one side and committed to on the other stays sound on both', async () => {
  await using world = await TestWorld.create()
  const nodes = await world.pair()
  const origin = path.join(world.root, 'origin')
  fs.mkdirSync(origin)
  git(origin, 'init', '--quiet', '--initial-branch=main')
  for (let i = 0; i < 30; i++) {
    fs.writeFileSync(path.join(origin, `file-${i}.txt`), `line ${i}\n`.repeat(200 * (i + 1)))
    git(origin, 'add', '.')
    git(origin, 'commit', '--quiet', '-m', `Add file ${i}`)
  }
  git(nodes.dirA, 'clone', '--quiet', origin, 'repo')
  await level('f', nodes.a, nodes.b)
  const [repoA, repoB] = [path.join(nodes.dirA, 'repo'), path.join(nodes.dirB, 'repo')]
  for (let i = 0; i < 5; i++) {
    fs.appendFileSync(path.join(repoB, 'file-3.txt'), `from the other side ${i}\n`)
    git(repoB, 'commit', '--quiet', '-am', `Change it ${i}`)
  }
  git(repoB, 'gc', '--quiet')
  await level('f', nodes.a, nodes.b)
  expect(git(repoA, 'log', '--format=%s', '-1').trim()).toBe('Change it 4')
  for (const repo of [repoA, repoB]) {
    execFileSync('git', ['fsck', '--full', '--strict'], { cwd: repo, stdio: 'pipe' })
    expect(git(repo, 'status', '--porcelain')).toBe('')
  }
  expect(differences(describeTree(nodes.dirA), describeTree(nodes.dirB))).toEqual([])
}, 300_000)
