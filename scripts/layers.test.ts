/** The rule that keeps the layers apart fires where it should, alone and through ESLint. */
import { Linter } from 'eslint'
import { describe, expect, test } from 'vitest'
import rules from './eslint-rules.mjs'
import { importFault } from './layers.mjs'
import { fromRoot } from './lib/paths.mjs'

const allowed = [
  ['kernel/dag/log.ts', '../core/bytes.ts'],
  ['kernel/store/store.ts', '../state/port.ts'],
  ['kernel/core/a.test.ts', '../storage/memory.ts'],
  ['kernel/core/hash.ts', 'node:crypto'],
  ['kernel/core/intention.ts', '#proto/intention'],
  ['kernel/storage/lmdb.ts', 'lmdb'],
  ['sync/session/session.ts', '#kernel/dag/port.ts'],
  ['sync/transport/libp2p/node.ts', 'libp2p'],
  ['daemon/node/node.ts', '#fs-bridge/folder/watch.ts'],
  ['daemon/node/node.ts', '#sync/clock.ts'],
  ['renderer/features/a.tsx', '#proto/api'],
  ['electron/texts.ts', '#renderer/i18n/choice.ts'],
  ['e2e/two-peers.test.ts', '#daemon/node.ts'],
  ['unknown/file.ts', '#daemon/node.ts'],
] as const

const refused = [
  ['kernel/core/bytes.ts', '../storage/port.ts', 'kernel/core must not know kernel/storage'],
  ['kernel/cas/blobs.ts', '../dag/port.ts', 'kernel/cas must not know kernel/dag'],
  ['kernel/dag/a.ts', '../cas/port.ts', 'kernel/dag must not know kernel/cas'],
  ['kernel/state/deep/a.ts', '../../store/port.ts', 'kernel/state must not know kernel/store'],
  ['kernel/core/a.ts', '#kernel/store/port.ts', 'kernel/core must not know kernel/store'],
  ['kernel/core/a.ts', 'node:fs', 'kernel/core is pure'],
  ['kernel/store/a.ts', '#sync/clock.ts', 'kernel must not know sync'],
  ['kernel/store/a.test.ts', '#sync/clock.ts', 'kernel must not know sync'],
  ['kernel/store/a.ts', 'node:net', 'does not belong here'],
  ['kernel/store/a.ts', 'libp2p', 'does not belong here'],
  ['sync/session/a.ts', '#fs-bridge/folder/watch.ts', 'sync must not know fs-bridge'],
  ['fs-bridge/folder/a.ts', '#sync/clock.ts', 'fs-bridge must not know sync'],
  ['fs-bridge/folder/a.ts', '@libp2p/tcp', 'does not belong here'],
  ['sync/session/a.ts', '../../kernel/core/bytes.ts', "import across layers by name: '#kernel/core/bytes.ts'"],
  ['renderer/features/a.tsx', '#kernel/core/bytes.ts', 'renderer must not know kernel'],
  ['daemon/node.ts', '#electron/main.ts', 'daemon must not know electron'],
  ['electron/app.ts', '#renderer/state/preferences.ts', 'electron must not know renderer'],
  ['daemon/node.ts', '#renderer/i18n/choice.ts', 'daemon must not know renderer'],
] as const

test.each(allowed)('%s may import %s', (file, specifier) => {
  expect(importFault(file, specifier)).toBeUndefined()
})

test.each(refused)('%s may not import %s', (file, specifier, reason) => {
  expect(importFault(file, specifier)).toContain(reason)
})

describe('through ESLint', () => {
  const faultsOf = (file: string, code: string): string[] =>
    new Linter({ cwd: fromRoot() })
      .verify(
        code,
        { files: ['**/*.ts'], plugins: { ours: rules }, rules: { 'ours/layers': 'error', 'ours/no-sleep': 'error' } },
        fromRoot(file),
      )
      .map((message) => message.message)

  test.each([
    `import { a } from '#fs-bridge/a.ts'`,
    `export { a } from '#fs-bridge/a.ts'`,
    `export * from '#fs-bridge/a.ts'`,
    `await import('#fs-bridge/a.ts')`,
  ])('%s', (code) => {
    expect(faultsOf('sync/session/a.ts', code)).toEqual(['sync must not know fs-bridge'])
  })

  test('what is allowed passes', () => {
    expect(faultsOf('sync/session/a.ts', `import { a } from '#kernel/a.ts'; await import('./b.ts')`)).toEqual([])
  })

  test.each([
    `await new Promise((resolve) => setTimeout(resolve, 50))`,
    `await new Promise((done) => { setTimeout(done, 50) })`,
    `import { setTimeout as sleep } from 'node:timers/promises'`,
  ])('a sleep is refused: %s', (code) => {
    expect(faultsOf('sync/a.test.ts', code)).toHaveLength(1)
  })

  test('a deadline is not a sleep', () => {
    const code = `await new Promise((resolve, reject) => { setTimeout(() => reject(new Error('late')), 50) })`
    expect(faultsOf('sync/a.test.ts', code)).toEqual([])
  })
})
