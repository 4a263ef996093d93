import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { bytesToHex } from '#kernel/core/bytes.ts'
import { anyConfigIsHandled, anySeedIsHandled } from './home.property.ts'
import { loadConfig, loadDeviceKey, prepareHome, saveConfig, truncateName, type Keychain } from './home.ts'

let home: string
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'lattice-home-'))
})
afterEach(() => rm(home, { recursive: true }))

const kind = (result: { ok: boolean; error?: { kind: string } }) => (result.ok ? 'ok' : result.error!.kind)

test('a home is the user’s alone, even when it was not', async () => {
  await chmod(home, 0o755)
  expect(prepareHome(home).ok).toBe(true)
  expect((await stat(home)).mode & 0o777).toBe(0o700)
  await writeFile(join(home, 'file'), '')
  expect(kind(prepareHome(join(home, 'file')))).toBe('home-unusable')
})

test('the device key is made once and stays', async () => {
  const first = loadDeviceKey(home)
  const second = loadDeviceKey(home)
  expect(first.ok && second.ok && Buffer.from(first.value.signer.publicKey).equals(second.value.signer.publicKey)).toBe(
    true,
  )
  expect((await stat(join(home, 'device.key'))).mode & 0o777).toBe(0o600)
})

test.each(['', 'zz', 'ab'.repeat(31), 'ab'.repeat(33)])('a damaged key %j is named, never replaced', async (text) => {
  await writeFile(join(home, 'device.key'), text)
  expect(kind(loadDeviceKey(home))).toBe('key-damaged')
  expect(await readFile(join(home, 'device.key'), 'utf8')).toBe(text)
})

test('the configuration is written with its defaults, and read back', async () => {
  const made = loadConfig(home, { name: 'laptop' })
  expect(made.ok && made.value.name).toBe('laptop')
  expect(loadConfig(home)).toEqual(made)
  if (made.ok) saveConfig(home, { ...made.value, listen: [] })
  const changed = loadConfig(home)
  expect(changed.ok && changed.value.listen).toEqual([])
})

test.each([
  ['{', 'not JSON'],
  ['[]', 'no object'],
  ['"laptop"', 'no object'],
  ['{"name":7}', 'a name that is no text'],
  ['{"name":""}', 'an empty name'],
  ['{"folders":"relative"}', 'a relative folder'],
  ['{"listen":"x"}', 'addresses that are no list'],
])('%s is refused: %s', async (text) => {
  await writeFile(join(home, 'config.json'), text)
  expect(kind(loadConfig(home))).toBe('config-invalid')
})

test('a name is cut between characters', () => {
  expect(truncateName('ö'.repeat(40))).toBe('ö'.repeat(32))
})

test('any text is a configuration or refused', () => fc.assert(anyConfigIsHandled, { numRuns: 300 }))
test('any text is a key or damaged', () => fc.assert(anySeedIsHandled, { numRuns: 300 }))

/** Seals by a shift of every byte: enough to see what is on the disk and who was asked. */
const testKeychain: Keychain = {
  seal: (text) => Buffer.from(text).map((byte) => byte ^ 0x55),
  open: (sealed) => Buffer.from(sealed.map((byte) => byte ^ 0x55)).toString(),
}
const lockedKeychain: Keychain = {
  seal: () => {
    throw new Error('it is locked')
  },
  open: () => {
    throw new Error('it is locked')
  },
}

test('with a keychain the key lies on the disk sealed, and only there', async () => {
  const first = loadDeviceKey(home, testKeychain)
  const second = loadDeviceKey(home, testKeychain)
  if (!first.ok || !second.ok) throw new Error('the key cannot be opened')
  expect(first.value.keptIn).toBe('keychain')
  expect(second.value.seed).toEqual(first.value.seed)
  expect((await readdir(home)).filter((name) => name.startsWith('device'))).toEqual(['device.key.sealed'])
  const sealed = await readFile(join(home, 'device.key.sealed'), 'utf8')
  expect(sealed).not.toContain(bytesToHex(first.value.seed))
  expect((await stat(join(home, 'device.key.sealed'))).mode & 0o777).toBe(0o600)
})

test('a sealed key opens with its keychain only, and is never replaced', async () => {
  loadDeviceKey(home, testKeychain)
  const sealed = await readFile(join(home, 'device.key.sealed'))
  expect(kind(loadDeviceKey(home))).toBe('key-sealed')
  expect(kind(loadDeviceKey(home, lockedKeychain))).toBe('key-sealed')
  expect(await readFile(join(home, 'device.key.sealed'))).toEqual(sealed)
  expect((await readdir(home)).filter((name) => name.startsWith('device'))).toEqual(['device.key.sealed'])
})

test('a keychain that refuses a new key leaves nothing behind', async () => {
  expect(kind(loadDeviceKey(home, lockedKeychain))).toBe('key-sealed')
  expect((await readdir(home)).filter((name) => name.startsWith('device'))).toEqual([])
})

test('a home that began with a file keeps it', () => {
  const first = loadDeviceKey(home)
  const second = loadDeviceKey(home, testKeychain)
  expect(first.ok && second.ok && [second.value.keptIn, second.value.seed]).toEqual([
    'file',
    first.ok && first.value.seed,
  ])
})
