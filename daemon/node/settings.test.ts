import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { loadConfig } from './home.ts'
import { Settings, type SettingsChange } from './settings.ts'

let home: string
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'lattice-settings-'))
})
afterEach(() => rm(home, { recursive: true }))

const open = (overrides = {}): Settings => {
  const config = loadConfig(home, overrides)
  if (!config.ok) throw new Error(config.error.message)
  return new Settings(home, config.value)
}

test('a change is told, is in the file, and leaves the rest of the file alone', async () => {
  await writeFile(join(home, 'config.json'), '{"name":"laptop","colour":"red","listen":[]}')
  const settings = open({ listen: ['/ip4/127.0.0.1/tcp/0'] })
  const heard: number[] = []
  settings.onChange(({ uploadLimit }) => heard.push(uploadLimit))
  const quietHours = [{ fromMinute: 1320, toMinute: 420, weekdays: [1] }]
  expect(settings.change({ uploadLimit: 5_000, quietHours }).ok).toBe(true)
  expect(heard).toEqual([5_000])
  expect(settings.current).toMatchObject({ name: 'laptop', uploadLimit: 5_000, listen: ['/ip4/127.0.0.1/tcp/0'] })
  // What the command line said instead is not written.
  expect(JSON.parse(await readFile(join(home, 'config.json'), 'utf8'))).toEqual({
    name: 'laptop',
    colour: 'red',
    listen: [],
    uploadLimit: 5_000,
    quietHours,
  })
  expect(open().current).toMatchObject({ uploadLimit: 5_000, quietHours, localDiscovery: true })
})

test.each<SettingsChange>([
  { name: '' },
  { name: '  ' },
  { name: 'ö'.repeat(33) },
  { uploadLimit: 1_023 },
  { downloadLimit: -1 },
  { downloadLimit: 2 ** 53 },
  { uploadLimit: Number.NaN },
  { quietHours: [{ fromMinute: 0, toMinute: 1440, weekdays: [] }] },
  { uploadLimit: 5_000, name: '' },
])('%j changes nothing', async (change) => {
  const settings = open()
  const [before, file] = [settings.current, await readFile(join(home, 'config.json'), 'utf8')]
  settings.onChange(() => expect.unreachable())
  const changed = settings.change(change)
  expect(!changed.ok && changed.error.kind).toBe('bad-request')
  expect(settings.current).toBe(before)
  expect(await readFile(join(home, 'config.json'), 'utf8')).toBe(file)
})

test('a file that cannot be written is told, and nothing is changed', async () => {
  const settings = open()
  await rm(join(home, 'config.json'))
  settings.onChange(() => expect.unreachable())
  const changed = settings.change({ uploadLimit: 5_000 })
  expect(!changed.ok && changed.error.kind).toBe('home-unusable')
  expect(settings.current.uploadLimit).toBe(0)
})
