/** Trees that people really have: an installed node_modules, and git repositories worked on from both sides. */
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { level, pair, scratch } from './support/node.ts'
import { describeTree, differences } from './support/tree.ts'

const checkout = path.resolve(import.meta.dirname, '..')
const git = (cwd: string, ...args: string[]): string =>
  execFileSync('git', ['-c', 'user.name=Test', '-c', 'user.email=test@example.org', ...args], { cwd, encoding: 'utf8' })

test('the installed node_modules arrives byte for byte, modes and times included', async () => {
  using place = scratch()
  await using nodes = await pair(place.dir)
  const source = fs.realpathSync(path.join(checkout, 'node_modules'))
  execFileSync('cp', ['-a', source, path.join(nodes.dirA, 'node_modules')])
  await level(nodes.a, nodes.b)
  const [a, b] = [describeTree(nodes.dirA, { times: true }), describeTree(nodes.dirB, { times: true })]
  expect(a.length).toBeGreaterThan(5000)
  expect(a.some((line) => line.includes(' -> '))).toBe(true)
  expect(differences(a, b)).toEqual([])
}, 600_000)

test('a repository cloned on one side and committed to on the other stays sound on both', async () => {
  using place = scratch()
  await using nodes = await pair(place.dir)
  const origin = path.join(place.dir, 'origin')
  fs.mkdirSync(origin)
  git(origin, 'init', '--quiet', '--initial-branch=main')
  for (let i = 0; i < 30; i++) {
    fs.writeFileSync(path.join(origin, `file-${i}.txt`), `line ${i}\n`.repeat(200 * (i + 1)))
    git(origin, 'add', '.')
    git(origin, 'commit', '--quiet', '-m', `Add file ${i}`)
  }
  git(nodes.dirA, 'clone', '--quiet', origin, 'repo')
  await level(nodes.a, nodes.b)
  const [repoA, repoB] = [path.join(nodes.dirA, 'repo'), path.join(nodes.dirB, 'repo')]
  for (let i = 0; i < 5; i++) {
    fs.appendFileSync(path.join(repoB, 'file-3.txt'), `from the other side ${i}\n`)
    git(repoB, 'commit', '--quiet', '-am', `Change it ${i}`)
  }
  git(repoB, 'gc', '--quiet')
  await level(nodes.a, nodes.b)
  expect(git(repoA, 'log', '--format=%s', '-1').trim()).toBe('Change it 4')
  for (const repo of [repoA, repoB]) {
    execFileSync('git', ['fsck', '--full', '--strict'], { cwd: repo, stdio: 'pipe' })
    expect(git(repo, 'status', '--porcelain')).toBe('')
  }
  expect(differences(describeTree(nodes.dirA), describeTree(nodes.dirB))).toEqual([])
}, 300_000)
