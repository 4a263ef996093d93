/** A node whose own space is damaged on the disk: it says so and changes nothing, until a person says how to go on. */
import { cp, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { damageStore } from './support/damage.ts'
import { level, lattice, TestWorld } from './support/world.ts'

test(
  'it does not start; with a backup it is as before, with a new space its folders go on',
  { timeout: 120_000 },
  async () => {
    await using world = await TestWorld.create()
    const { a, b, dirA, dirB } = await world.pair()
    const { stores } = await a.json<{ stores: { id: string; type: string }[] }>('store', 'list')
    const space = stores.find(({ type }) => type === 'core:space')!.id
    await a.stop()
    const backup = join(world.root, 'backup')
    await cp(a.home, backup, { recursive: true })
    await damageStore(a.home, space)

    const words = `lattice: this device’s own space ${space.slice(0, 12)} is damaged and cannot be opened: restore ${a.home} from a backup`
    for (const _ of ['once', 'and again']) {
      const { code, stdout, stderr } = await lattice(a.home, 'up', '--listen', '/ip4/127.0.0.1/tcp/0', '--no-mdns')
      expect([code, stdout]).toEqual([1, ''])
      expect(stderr.trimEnd().split('\n').at(-1)).toContain(words)
    }
    const failed = await lattice(a.home, 'up', '--json')
    expect(JSON.parse(failed.stdout)).toMatchObject({ error: { kind: 'space-damaged', severity: 'corrupt' } })

    await cp(a.home, join(world.root, 'damaged'), { recursive: true })
    await cp(backup, a.home, { recursive: true, force: true })
    await a.up()
    expect((await a.json<{ stores: { id: string }[] }>('store', 'list')).stores.map(({ id }) => id)).toContain(space)
    await a.stop()

    await cp(join(world.root, 'damaged'), a.home, { recursive: true, force: true })
    await writeFile(join(dirA, 'meanwhile.txt'), 'still here')
    await a.up('--new-space')
    await level('f', a, b)
    expect(await readFile(join(dirB, 'meanwhile.txt'), 'utf8')).toBe('still here')
    await a.stop()
    // Decided once.
    await a.up()
  },
)
